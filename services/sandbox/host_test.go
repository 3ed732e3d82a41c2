// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/sandbox"
)

// A page of another site that points its own name at this machine reads nothing and changes nothing.
func TestHostOfAnother(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{Hosts: []string{"palestra.lan"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	s.Mount("telegram", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil)
	for host, status := range map[string]int{
		"127.0.0.1:8081": http.StatusOK, "127.0.0.1": http.StatusOK, "localhost:8081": http.StatusOK, "LocalHost": http.StatusOK,
		"localhost.": http.StatusOK, "muro.localhost:8081": http.StatusOK, "[::1]:8081": http.StatusOK, "[::1]": http.StatusOK,
		"192.168.1.7:8081": http.StatusOK, "palestra.lan:8081": http.StatusOK, "PALESTRA.lan": http.StatusOK,
		"":                     http.StatusMisdirectedRequest,
		"esempio.it":           http.StatusMisdirectedRequest,
		"esempio.it:8081":      http.StatusMisdirectedRequest,
		"localhost.esempio.it": http.StatusMisdirectedRequest, "127.0.0.1.esempio.it:8081": http.StatusMisdirectedRequest,
		"xlocalhost": http.StatusMisdirectedRequest, "127.0.0.1:8081:8081": http.StatusMisdirectedRequest,
		"altra.palestra.lan": http.StatusMisdirectedRequest,
	} {
		for _, c := range [][2]string{{"GET", "/"}, {"GET", "/wall.json"}, {"GET", "/requests.json"}, {"POST", "/reset"}, {"GET", "/telegram/x"}} {
			r := httptest.NewRequest(c[0], c[1], nil)
			r.Host = host
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			want := status
			if c[1] == "/reset" && status == http.StatusOK {
				want = http.StatusNoContent
			}
			require.Equal(t, want, w.Code, "%s %s at %q", c[0], c[1], host)
		}
	}
}
