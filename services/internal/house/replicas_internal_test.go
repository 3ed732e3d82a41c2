// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/bus/bustest"
)

func TestMayReplicate(t *testing.T) {
	for _, o := range []Options{{}, {Replicas: 1}, {Replicas: 3, NATSURL: "nats://log"}} {
		require.NoError(t, o.mayReplicate(), "%+v", o)
	}
	for _, o := range []Options{{Replicas: -1}, {Replicas: 6, NATSURL: "nats://log"}, {Replicas: 3}} {
		require.ErrorContains(t, o.mayReplicate(), "--replicas", "%+v", o)
	}
}

// A log that a single server keeps is told to whoever asked for three.
func TestFewerReplicasAreTold(t *testing.T) {
	s, ctx := bustest.Server(t), context.Background()
	bustest.Connect(t, s)
	h := &House{o: Options{Replicas: 3}, units: []*unit{{bus: bustest.Connect(t, s, func(o *bus.Options) { o.Replicas = 3 })}}}
	notes := h.replicaNotes(ctx)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "PALINSESTO, PALINSESTO_DEAD")
	require.Contains(t, notes[0], "--replicas 3")
	h.o.Replicas = 1
	require.Empty(t, h.replicaNotes(ctx))
}
