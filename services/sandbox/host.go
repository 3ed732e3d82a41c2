// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

var errHost = errors.New("questo indirizzo non è della palestra: aprirla come http://localhost o con il suo indirizzo numerico " +
	"(this name is not the sandbox's: open it as http://localhost or by its address)")

// atHome lets in only what asks for the sandbox by a name of its own. The sandbox has no password: a page
// on any site could point a name of its own at 127.0.0.1 (DNS rebinding) and would then read the wall and
// wipe it as if it were the sandbox's own page. The answer is RFC 9110, 15.5.20.
func atHome(own []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ours(own, r.Host) {
			refuse(w, http.StatusMisdirectedRequest, errHost)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ours tells whether a Host header names the sandbox: by digits, which nobody can point elsewhere, by a
// name that is always this machine (RFC 6761, 6.3), or by one that it was told to listen on.
func ours(own []string, host string) bool {
	name := strings.Trim(host, "[]") // an IPv6 address without a port
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	for _, o := range own {
		if o != "" && strings.EqualFold(o, name) {
			return true
		}
	}
	return false
}
