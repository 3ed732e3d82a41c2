// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// TestPostsByHand compares what is written and read by hand with the generated code.
func TestPostsByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, p := arbitrary[Envelope]().Draw(t, "envelope"), arbitrary[palinsesto.Post]().Draw(t, "post")
		slow, err := slowEncodePost(e, p)
		require.NoError(t, err)
		fast, ok := writePost(e, &p)
		require.True(t, ok)
		require.Equal(t, slow, fast)
		sameReading(t, slow)
	})
}

// TestPostsByHandAreRead fails when every message falls back to the generated code, which would be right and slow.
func TestPostsByHandAreRead(t *testing.T) {
	b, err := Posts.Encode(sampleEnvelope, samplePostState)
	require.NoError(t, err)
	_, p, ok := readPost(b)
	require.True(t, ok, "a field of PostEvent is not read by hand")
	requireSame(t, samplePostState, p)
}

func FuzzPostsByHand(f *testing.F) {
	b, err := Posts.Encode(sampleEnvelope, samplePostState)
	require.NoError(f, err)
	f.Add(b)
	f.Add(append(b, b...))
	e, p := onItsWay()
	b, err = Posts.Encode(e, p)
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) { sameReading(t, b) })
}

func sameReading(t require.TestingT, b []byte) {
	e, p, ok := readPost(b)
	if !ok {
		return // left to the generated code
	}
	e2, p2, err := slowDecodePost(b)
	require.NoError(t, err)
	require.Equal(t, e2, e)
	require.Equal(t, p2, p)
}
