// SPDX-License-Identifier: AGPL-3.0-or-later

package network

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPostAt(t *testing.T) {
	for _, c := range []struct {
		network, target, link, remote string
		ok                            bool
	}{
		{"telegram", "@lavoromarche", "https://t.me/lavoromarche/12", "12", true},
		{"telegram", "@lavoromarche", "https://T.me/LavoroMarche/12/?single", "12", true},
		{"telegram", "@lavoromarche", "https://t.me/s/lavoromarche/12", "12", true},
		{"telegram", "-1001234", "https://t.me/c/1234/7", "7", true},
		{"telegram", "-1001234", "https://t.me/lavoromarche/7", "7", true},
		{"telegram", "@lavoromarche", "http://t.me/lavoromarche/12", "", false},
		{"telegram", "@lavoromarche", "https://t.me/altri/12", "", false},
		{"telegram", "@lavoromarche", "https://t.me/c/1234/12", "", false},
		{"telegram", "-1001234", "https://t.me/c/99/7", "", false},
		{"telegram", "@lavoromarche", "https://t.me/lavoromarche", "", false},
		{"telegram", "@lavoromarche", "https://t.me/lavoromarche/0", "", false},
		{"telegram", "@lavoromarche", "https://t.me.example.org/lavoromarche/12", "", false},
		{"telegram", "@lavoromarche", "https://t.me@example.org/lavoromarche/12", "", false},
		{"telegram", "@lavoromarche", "https://t.me/lavoromarche/../altri/12", "", false},
		{"facebook", "1", "https://www.facebook.com/1/posts/2", "", true},
		{"facebook", "1", "javascript:alert(1)", "", false},
	} {
		remote, ok := PostAt(c.network, c.target, c.link)
		require.Equal(t, c.ok, ok, c.link)
		if ok {
			require.Equal(t, c.remote, remote, c.link)
		}
	}
}

func FuzzPostAt(f *testing.F) {
	f.Add("@lavoromarche", "https://t.me/lavoromarche/12")
	f.Fuzz(func(t *testing.T, target, link string) {
		if remote, ok := PostAt("telegram", target, link); ok {
			require.Regexp(t, `^[1-9][0-9]*$`, remote)
		}
	})
}
