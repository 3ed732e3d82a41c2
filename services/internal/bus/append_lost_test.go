// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
)

// scripted is a log that answers what the test says: appends and looks each in their order, the last
// answer over and over. Its server has no JetStream of its own.
type scripted struct {
	mu             sync.Mutex
	appends, looks []func(m *nats.Msg) *nats.Msg
	looked         int
}

func (s *scripted) serve(t *testing.T) *Bus {
	t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	srv.Start()
	t.Cleanup(srv.Shutdown)
	require.True(t, srv.ReadyForConnections(10*time.Second))
	theirs, err := nats.Connect("", nats.InProcessServer(srv))
	require.NoError(t, err)
	t.Cleanup(theirs.Close)
	answer := func(subject string, f func(m *nats.Msg) *nats.Msg) {
		_, err := theirs.Subscribe(subject, func(m *nats.Msg) {
			s.mu.Lock()
			defer s.mu.Unlock()
			_ = m.RespondMsg(f(m))
		})
		require.NoError(t, err)
	}
	answer("$JS.API.STREAM.INFO."+contract.Stream, text(`{"config":{"name":"PALINSESTO","allow_direct":true},"state":{}}`))
	var last *nats.Msg
	answer(contract.AllPosts, func(m *nats.Msg) *nats.Msg {
		last = m
		return next(&s.appends)(m)
	})
	answer("$JS.API.DIRECT.GET."+contract.Stream, func(*nats.Msg) *nats.Msg {
		s.looked++
		return next(&s.looks)(last)
	})
	require.NoError(t, theirs.Flush())
	nc, err := nats.Connect("", nats.InProcessServer(srv))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	stream, err := js.Stream(context.Background(), contract.Stream)
	require.NoError(t, err)
	return &Bus{nc: nc, js: js, stream: stream}
}

func next[T any](rest *[]T) T {
	first := (*rest)[0]
	if len(*rest) > 1 {
		*rest = (*rest)[1:]
	}
	return first
}

func text(s string) func(*nats.Msg) *nats.Msg {
	return func(*nats.Msg) *nats.Msg { return &nats.Msg{Data: []byte(s)} }
}

// stored answers a look with a message of the log: the append itself, or another's.
func stored(seq int, mine bool) func(*nats.Msg) *nats.Msg {
	return func(m *nats.Msg) *nats.Msg {
		h := nats.Header{
			jetstream.StreamHeader: {contract.Stream}, jetstream.SubjectHeader: {m.Subject},
			jetstream.SequenceHeader: {strconv.Itoa(seq)}, jetstream.TimeStampHeaer: {time.Now().Format(time.RFC3339Nano)},
		}
		if mine {
			h[headerAppend] = m.Header[headerAppend]
		}
		return &nats.Msg{Header: h, Data: []byte("x")}
	}
}

func status(code string) func(*nats.Msg) *nats.Msg {
	return func(*nats.Msg) *nats.Msg { return &nats.Msg{Header: nats.Header{"Status": {code}}} }
}

// What became of an append whose acknowledgement was lost is told by what is found, never by a look that
// failed or that a lagging replica answered.
func TestAppendAfterALostAcknowledgement(t *testing.T) {
	lost, ack := text("?"), text(`{"stream":"PALINSESTO","seq":9}`)
	stale := text(fmt.Sprintf(`{"error":{"code":400,"err_code":%d,"description":"wrong last sequence: 7"}}`, codeStale))
	full := text(`{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`)
	none, failed := status("404"), status("408")
	type answers = []func(*nats.Msg) *nats.Msg
	for name, c := range map[string]struct {
		appends, looks answers
		seq            uint64
		err            error
		looked         int
	}{
		"stored, found at once":             {answers{lost}, answers{stored(7, true)}, 7, nil, 1},
		"stored, not shown yet":             {answers{lost, stale}, answers{none, none, stored(7, true)}, 7, nil, 3},
		"stored, looks fail":                {answers{lost, stale}, answers{failed, failed, stored(7, true)}, 7, nil, 3},
		"not stored, goes through later":    {answers{lost, ack}, answers{none}, 9, nil, 1},
		"not stored, another was faster":    {answers{lost, stale}, answers{none, stored(7, false)}, 0, ErrStale, 2},
		"stale, and no doubt about it":      {answers{stale}, answers{failed}, 0, ErrStale, 0},
		"refused, and no doubt about it":    {answers{full}, answers{failed}, 0, &jetstream.APIError{ErrorCode: 10023}, 0},
		"refused, although an earlier came": {answers{lost, full}, answers{none, stored(7, true)}, 7, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{appends: c.appends, looks: c.looks}
			b := s.serve(t)
			seq, err := b.single(context.Background(), &pending{a: Append{Subject: "palinsesto.post.ch.1", Expect: 6}, nonce: "mine"})
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.seq, seq)
			s.mu.Lock()
			defer s.mu.Unlock()
			require.Equal(t, c.looked, s.looked)
		})
	}
}

// sick is a server whose disk took nothing any more, until it was started again.
type sick struct {
	Server
	asked atomic.Int64
}

func (s *sick) Healthy() error {
	if s.asked.Add(1) <= 3 {
		return errors.New("no space left on device")
	}
	return nil
}

// What a server shows that could not write it down is not believed: it is gone after the next start.
func TestAppendThatIsShownButNotKept(t *testing.T) {
	s := &scripted{
		appends: []func(*nats.Msg) *nats.Msg{text("?"), text("?"), text(`{"stream":"PALINSESTO","seq":7}`)},
		looks:   []func(*nats.Msg) *nats.Msg{stored(7, true)},
	}
	b := s.serve(t)
	server := &sick{}
	b.o.Server = server
	seq, err := b.single(context.Background(), &pending{a: Append{Subject: "palinsesto.post.ch.1", Expect: 6}, nonce: "mine"})
	require.NoError(t, err)
	require.Equal(t, uint64(7), seq)
	require.EqualValues(t, 4, server.asked.Load(), "unhealthy at both looks: told by the server's own acknowledgement")
}
