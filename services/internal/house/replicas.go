// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/palinsesto/palinsesto/services/internal/bus"
)

// mayReplicate refuses a number of replicas that no log here could have.
func (o Options) mayReplicate() error {
	switch {
	case o.Replicas < 0 || o.Replicas > bus.MostReplicas:
		return fmt.Errorf("--replicas va da 1 a %d (from 1 to %d)", bus.MostReplicas, bus.MostReplicas)
	case o.Replicas > 1 && o.NATSURL == "":
		return fmt.Errorf("--replicas %d chiede un NATS esterno in cluster, con --nats: quello incorporato è un server solo (it takes a NATS cluster)", o.Replicas)
	default:
		return nil
	}
}

// replicaNotes warn of what is kept by fewer servers than asked for: a start with --replicas changes
// nothing of what is there.
func (h *House) replicaNotes(ctx context.Context) []string {
	if h.o.Replicas <= 1 {
		return nil
	}
	few, err := h.units[0].bus.Fewer(ctx)
	if err != nil {
		return []string{fmt.Sprintf("Non si è potuto verificare quanti server tengono il registro, --replicas %d: %v. (replicas could not be seen)", h.o.Replicas, err)}
	}
	if len(few) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(few))
	return []string{fmt.Sprintf("Meno di %d server tengono: %s. Il guasto di uno ferma la casa, o perde quello che c'è. Per ciascuno: nats stream edit NOME --replicas %d. (fewer replicas than asked for)",
		h.o.Replicas, strings.Join(names, ", "), h.o.Replicas)}
}
