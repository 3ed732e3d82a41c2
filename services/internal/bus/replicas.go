// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"fmt"

	"github.com/palinsesto/palinsesto/services/contract"
)

// MostReplicas is the server's own bound.
const MostReplicas = 5

// replicas is how many servers of a cluster keep what is made here.
func (b *Bus) replicas() int { return max(1, b.o.Replicas) }

// kept are the streams that hold what a house keeps; a bucket is a stream too:
// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md
var kept = [...]string{contract.Stream, deadStream, "OBJ_" + mediaBucket, "OBJ_" + uploadsBucket}

// Fewer names what is kept by fewer servers than asked for, and by how many: what is there already
// keeps the number that it was made with.
func (b *Bus) Fewer(ctx context.Context) (map[string]int, error) {
	few := map[string]int{}
	for _, name := range kept {
		s, err := b.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("ask how often %s is kept: %w", name, err)
		}
		if n := s.CachedInfo().Config.Replicas; n < b.replicas() {
			few[name] = n
		}
	}
	return few, nil
}
