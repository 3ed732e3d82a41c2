// SPDX-License-Identifier: AGPL-3.0-or-later

package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
)

// cluster starts servers that keep the log together. Each has to know where all others are before it starts.
func cluster(t *testing.T, size int) []*server.Server {
	t.Helper()
	ports, routes := freePorts(t, size), make([]*url.URL, size)
	for i, port := range ports {
		routes[i] = &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)}
	}
	servers := make([]*server.Server, size)
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("log-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "log", Host: "127.0.0.1", Port: port},
		})
		require.NoError(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers[i] = s
	}
	require.Eventually(t, func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == size
			}
		}
		return false
	}, patience, 5*time.Millisecond, "the servers did not find each other")
	for _, s := range servers {
		require.True(t, s.ReadyForConnections(patience))
	}
	return servers
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }() // all at the end, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

func room(t *testing.T, s *server.Server, replicas int) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Options{Name: "test", URL: s.ClientURL(), Replicas: replicas, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// On a cluster everything is made with the replicas that were asked for; and its guards hold between
// rooms on different servers.
func TestReplicas(t *testing.T) {
	servers := cluster(t, 3)
	a, b := room(t, servers[0], 3), room(t, servers[1], 3)
	few, err := a.Fewer(context.Background())
	require.NoError(t, err)
	require.Empty(t, few)
	oneWinsAmong(t, 10, a, b, room(t, servers[2], 3))
}

// What was made with fewer is told, and stays as it is.
func TestFewerReplicas(t *testing.T) {
	servers := cluster(t, 3)
	room(t, servers[0], 1)
	few, err := room(t, servers[1], 3).Fewer(context.Background())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"PALINSESTO": 1, "PALINSESTO_DEAD": 1, "OBJ_palinsesto-media": 1, "OBJ_palinsesto-uploads": 1}, few)
}
