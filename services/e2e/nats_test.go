// SPDX-License-Identifier: AGPL-3.0-or-later

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
)

// rooms that have a user in deploy/nats.conf.
var roomUsers = []string{"indexing", "intake", "approval", "scheduling", "publishing", "media", "notifying", "api"}

func password(user string) string { return "test-" + user }

// natsServer is the real server as a program, run from the shipped configuration with a port of its own.
type natsServer struct {
	url string
	cmd *exec.Cmd
}

var buildNATS = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(filepath.Dir(program), "nats-server")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return bin, nil
})

func startNATS(t *testing.T) *natsServer {
	t.Helper()
	bin, err := buildNATS()
	require.NoError(t, err, bin)
	shipped, err := os.ReadFile(filepath.Join("..", "..", "deploy", "nats.conf"))
	require.NoError(t, err)
	addr, err := harness.FreeAddr()
	require.NoError(t, err)
	dir := t.TempDir()
	text := strings.Replace(string(shipped), "127.0.0.1:4222", addr, 1)
	text = strings.Replace(text, `store_dir: "nats"`, `store_dir: "`+filepath.Join(dir, "nats")+`"`, 1)
	require.Contains(t, text, "sync_interval: always")
	conf := filepath.Join(dir, "nats.conf")
	require.NoError(t, os.WriteFile(conf, []byte(text), 0o600))
	s := &natsServer{url: "nats://" + addr, cmd: exec.Command(bin, "-c", conf)}
	s.cmd.Env = os.Environ()
	for _, u := range append([]string{"watch"}, roomUsers...) {
		s.cmd.Env = append(s.cmd.Env, "PALINSESTO_"+strings.ToUpper(u)+"_PASSWORD="+password(u))
	}
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	require.Eventually(t, func() bool {
		nc, err := nats.Connect(s.url, nats.UserInfo("watch", password("watch")))
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, patience, 20*time.Millisecond)
	return s
}

// Each room's user is refused what is not its own.
func TestNATSUsersAreKeptApart(t *testing.T) {
	s := startNATS(t)
	// What a room may append, by the subject's second word; everything else on the log is refused.
	own := map[string][]string{
		"intake": {"seg"}, "approval": {"seg", "channel"}, "scheduling": {"seg", "post", "channel", "hold"},
		"publishing": {"post", "channel"}, "api": {"token"}, "notifying": {"alert"},
	}
	logSubjects := map[string]string{
		"seg": "palinsesto.seg.jesi.x", "post": "palinsesto.post.ch.x", "channel": "palinsesto.channel.ch",
		"hold": "palinsesto.hold", "token": "palinsesto.token.x", "alert": "palinsesto.alert.x", "settings": "palinsesto.settings.x",
	}
	for _, user := range append([]string{"watch"}, roomUsers...) {
		t.Run(user, func(t *testing.T) {
			n := connectAs(t, s, user)
			for word, subject := range logSubjects {
				allowed := false
				for _, o := range own[user] {
					allowed = allowed || o == word
				}
				require.Equal(t, allowed, n.mayPublish(subject), "%s publishes %s", user, subject)
			}
			for _, room := range roomUsers {
				command := "palinsesto.cmd." + room + ".x"
				require.Equal(t, room == user && user != "api", n.maySubscribe(command), "%s serves %s", user, command)
				asks := user == "api"
				require.Equal(t, asks, n.mayPublish(command), "%s asks %s", user, command)
			}
			require.False(t, n.mayPublish("$JS.API.STREAM.DELETE.PALINSESTO"), "nobody deletes the log")
			require.False(t, n.mayPublish("$JS.API.STREAM.PURGE.PALINSESTO"), "nobody purges the log")
			require.False(t, n.maySubscribe("_INBOX_api.x") && user != "api", "nobody listens to another's answers")
			require.False(t, n.maySubscribe("palinsesto.token.*"), "nobody listens to the log itself")
		})
	}
}

// requireNoForgery has users name the log, or JetStream, as the place where a room's answer is to go: an
// answer must never be sent there with the rights of who answers.
func requireNoForgery(t *testing.T, s *natsServer) {
	t.Helper()
	api, watch := connectAs(t, s, "api").nc, connectAs(t, s, "watch").nc
	js, err := jetstream.New(api)
	require.NoError(t, err)
	last := func() uint64 {
		stream, err := js.Stream(t.Context(), "PALINSESTO")
		require.NoError(t, err, "the log is still there")
		return stream.CachedInfo().State.LastSeq
	}
	before := last()
	for _, reply := range []string{"$JS.API.STREAM.DELETE.PALINSESTO", "palinsesto.hold", "palinsesto.token.x"} {
		require.NoError(t, api.PublishRequest("palinsesto.cmd.indexing.rebuild", reply, nil))
		require.NoError(t, watch.PublishRequest("$SRV.PING", reply, nil))
	}
	// Their answers would come before these, which the same rooms give afterwards.
	inbox := watch.NewRespInbox()
	answers, err := watch.SubscribeSync(inbox)
	require.NoError(t, err)
	require.NoError(t, watch.PublishRequest("$SRV.PING", inbox, nil))
	for range roomUsers {
		_, err := answers.NextMsg(patience)
		require.NoError(t, err, "every room is seen by an operator's eyes")
	}
	require.Equal(t, before, last(), "nothing was appended")
}

// client notes refusals, which NATS tells out of band.
type client struct {
	t       *testing.T
	nc      *nats.Conn
	refused chan error
}

func connectAs(t *testing.T, s *natsServer, user string) *client {
	t.Helper()
	c := &client{t: t, refused: make(chan error, 16)}
	inbox := "_INBOX_" + user
	if user == "watch" {
		inbox = nats.InboxPrefix[:len(nats.InboxPrefix)-1] // as the nats program has it
	}
	nc, err := nats.Connect(s.url, nats.UserInfo(user, password(user)), nats.NoReconnect(), nats.CustomInboxPrefix(inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.refused <- err }))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	c.nc = nc
	return c
}

func (c *client) mayPublish(subject string) bool {
	require.NoError(c.t, c.nc.Publish(subject, nil))
	return c.allowed()
}

func (c *client) maySubscribe(subject string) bool {
	sub, err := c.nc.SubscribeSync(subject)
	require.NoError(c.t, err)
	ok := c.allowed()
	_ = sub.Unsubscribe()
	return ok
}

// allowed asks for a round trip: a refusal arrives before its end.
func (c *client) allowed() bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	require.NoError(c.t, c.nc.FlushWithContext(ctx))
	// The client hands errors over in a goroutine of its own; the server's order is what counts.
	select {
	case <-c.refused:
		return false
	case <-time.After(30 * time.Millisecond):
		return true
	}
}
