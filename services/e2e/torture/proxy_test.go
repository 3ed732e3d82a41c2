// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"math/rand/v2"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of two faults that are on at once each ends by itself: a line that nobody listens at comes back.
func TestFaultsOfOneLineOverlap(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	p, err := openProxy(addr, addr, rand.New(rand.NewPCG(1, 2)), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.listener.Close() })
	answers := func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	require.True(t, answers())
	p.begin(lineRefused, 1)
	p.begin(lineHang, 1)
	require.False(t, answers())
	how, _ := p.strike()
	require.Equal(t, lineRefused, how)
	require.NoError(t, p.end(lineRefused))
	require.True(t, answers())
	how, _ = p.strike()
	require.Equal(t, lineHang, how)
	require.NoError(t, p.end(lineHang))
	how, _ = p.strike()
	require.Equal(t, lineWell, how)
}
