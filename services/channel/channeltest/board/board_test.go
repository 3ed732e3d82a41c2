// SPDX-License-Identifier: AGPL-3.0-or-later

package board

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/channeltest"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const token = "segreto-della-bacheca-4711"

func TestSuite(t *testing.T) {
	tr := wire.NewTransport()
	t.Cleanup(tr.Close)
	for name, o := range map[string]Options{"with keys": {Token: token}, "without keys": {Token: token, IgnoresKeys: true}} {
		t.Run(name, func(t *testing.T) {
			channeltest.Exercise(t, channeltest.Harness{
				Open:     func(t *testing.T) channeltest.World { t.Helper(); return Open(t, o) },
				New:      func(t *testing.T, base string) channel.Channel { t.Helper(); return New(base, token, tr) },
				Secrets:  []string{token},
				Features: channeltest.Features{Replies: true, Video: true},
			})
		})
	}
}

// A server that ignores keys says so, and makes two of one: nobody may send the same again there.
func TestServerWithoutKeys(t *testing.T) {
	tr := wire.NewTransport()
	t.Cleanup(tr.Close)
	w := Open(t, Options{Token: token, IgnoresKeys: true})
	c := New(w.Base(), token, tr)
	lasts, err := c.KeyLasts(t.Context())
	require.NoError(t, err)
	require.Zero(t, lasts)
	p, err := c.Prepare(t.Context(), channel.Delivery{Key: "k", Part: palinsesto.Part{Text: "due volte"}})
	require.NoError(t, err)
	for range 2 {
		_, err = c.Publish(t.Context(), p)
		require.NoError(t, err)
	}
	require.Len(t, w.Wall(), 2)
}
