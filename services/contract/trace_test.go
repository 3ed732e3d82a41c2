// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTraceIn(t *testing.T) {
	for _, g := range eventGoldens() {
		b, err := g.encode()
		require.NoError(t, err)
		require.Equal(t, sampleEnvelope.Trace, TraceIn(b), g.name)
		require.NotPanics(t, func() {
			for i := range b {
				TraceIn(b[:i])
			}
		})
	}
	require.NotEmpty(t, sampleEnvelope.Trace)
	require.Empty(t, TraceIn(nil))
}

func FuzzTraceIn(f *testing.F) {
	for _, g := range eventGoldens() {
		b, err := g.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if env, _, err := Posts.Decode(b); err == nil && len(b) < 1000 && env.Trace != "" && TraceIn(b) == "" {
			t.Fatal("the whole reader finds a trace")
		}
	})
}
