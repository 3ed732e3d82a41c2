// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/contract"
)

// Streams copies whole streams out of a NATS and into another, by the server's own snapshots: the
// sequences, on which every guard of the log rests, stay what they were. Unlike Connect, it makes
// nothing: what it is shown may be empty, and must stay so until something is put there.
//
// The requests are those of `nats stream backup` and `restore`:
// https://docs.nats.io/reference/reference-protocols/nats_api_reference
type Streams struct {
	o  Options
	nc *nats.Conn
	js jetstream.JetStream
}

// Stream is one stream as its server describes it.
type Stream struct {
	Name    string
	Config  json.RawMessage // as the server gave it: a newer server's settings are not lost
	State   json.RawMessage
	Created time.Time
	LastSeq uint64
	Msgs    uint64
	Bytes   uint64
}

// LogID is what Bus.LogID tells of this stream.
func (st Stream) LogID() string {
	var c struct {
		Metadata map[string]string `json:"metadata"`
	}
	_ = json.Unmarshal(st.Config, &c) // a log without settings has no name
	return logID(c.Metadata[metaLog], st.Created)
}

// OpenStreams reaches a NATS.
func OpenStreams(ctx context.Context, o Options) (*Streams, error) {
	if o.Name == "" {
		o.Name = "backup"
	}
	if o.Log == nil {
		return nil, errors.New("bus: no logger")
	}
	ctx, cancel := context.WithTimeout(ctx, streamsWait)
	defer cancel()
	nc, err := reach(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("reach the log: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestWait))
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &Streams{o: o, nc: nc, js: js}, nil
}

// streamsWait is how long a person at a command line waits for the log.
const streamsWait = 10 * time.Second

// Close lets go of the connection.
func (s *Streams) Close() { s.nc.Close() }

// Ours are the streams of a house: the log and all that has to come back with it, the log first, since
// what it names was stored before it was named. Buckets whose content ends by itself are not kept: a
// session or a half-finished upload must not come back with a copy.
func (s *Streams) Ours(ctx context.Context) ([]Stream, error) {
	var all []Stream
	list := s.js.ListStreams(ctx)
	for info := range list.Info() {
		if IsOurs(info.Config.Name) && !passing(info.Config) {
			config, err := json.Marshal(info.Config)
			if err != nil {
				return nil, err
			}
			all = append(all, Stream{Name: info.Config.Name, Config: config, Created: info.Created,
				LastSeq: info.State.LastSeq, Msgs: info.State.Msgs, Bytes: info.State.Bytes})
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list the streams: %w", err)
	}
	slices.SortFunc(all, func(a, b Stream) int {
		if a.Name == contract.Stream || b.Name == contract.Stream {
			return map[bool]int{true: -1, false: 1}[a.Name == contract.Stream]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all, nil
}

// The names under which the server keeps buckets:
// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md and ADR-20.md
const (
	valuesPrefix  = "KV_palinsesto"
	objectsPrefix = "OBJ_palinsesto"
)

// IsOurs tells by its name whether a stream belongs to a house.
func IsOurs(name string) bool {
	return name == contract.Stream || name == deadStream ||
		strings.HasPrefix(name, valuesPrefix) || strings.HasPrefix(name, objectsPrefix)
}

func passing(c jetstream.StreamConfig) bool { return c.Name != deadStream && c.MaxAge > 0 }

const (
	snapshotChunk = 256 << 10
	// snapshotWindow is how much may be under way: a slow disk here must not fill the memory.
	snapshotWindow = 4 << 20
	// chunkWait is how long the server may take for the next chunk: it may have to read a cold disk.
	chunkWait = time.Minute
)

type snapshotRequest struct {
	Deliver     string `json:"deliver_subject"`
	NoConsumers bool   `json:"no_consumers"`
	Chunk       int    `json:"chunk_size"`
	Window      int    `json:"window_size"`
}

// answer is what the server's API gives, as far as it is read here.
type answer struct {
	Error   *jetstream.APIError `json:"error"`
	Config  json.RawMessage     `json:"config"`
	State   json.RawMessage     `json:"state"`
	Deliver string              `json:"deliver_subject"`
}

func (s *Streams) ask(ctx context.Context, subject string, body any, wait time.Duration) (answer, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := s.nc.RequestWithContext(ctx, subject, raw)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", subject, err)
	}
	return readAnswer(subject, m.Data)
}

func readAnswer(subject string, data []byte) (a answer, err error) {
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("%s: unreadable answer: %w", subject, err)
	}
	if a.Error != nil {
		return a, fmt.Errorf("%s: %w", subject, a.Error)
	}
	return a, nil
}

// Save writes a stream to w as the server's snapshot gives it, and tells what it was when the snapshot
// began. What was appended before that moment is in it, and of what came later a beginning: the server
// reads its files in order. Places of consumers are not kept: every room begins again, which changes
// nothing that is done already.
func (s *Streams) Save(ctx context.Context, name string, w io.Writer) (Stream, error) {
	st := Stream{Name: name}
	in := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(in)
	if err != nil {
		return st, err
	}
	defer func() { _ = sub.Unsubscribe() }() // the server then stops by itself
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return st, err
	}
	a, err := s.ask(ctx, "$JS.API.STREAM.SNAPSHOT."+name,
		snapshotRequest{Deliver: in, NoConsumers: true, Chunk: snapshotChunk, Window: snapshotWindow}, chunkWait)
	if err != nil {
		return st, err
	}
	st.Config, st.State = a.Config, a.State
	if err := st.read(); err != nil {
		return st, err
	}
	return st, receiveSnapshot(ctx, sub, name, w)
}

// read takes from the server's own description what we need of it.
func (st *Stream) read() error {
	var state struct {
		LastSeq uint64 `json:"last_seq"`
		Msgs    uint64 `json:"messages"`
		Bytes   uint64 `json:"bytes"`
	}
	if err := json.Unmarshal(st.State, &state); err != nil {
		return fmt.Errorf("state of the stream %s: %w", st.Name, err)
	}
	st.LastSeq, st.Msgs, st.Bytes = state.LastSeq, state.Msgs, state.Bytes
	return nil
}

func receiveSnapshot(ctx context.Context, sub *nats.Subscription, name string, w io.Writer) error {
	for want := 1; ; want++ {
		wait, cancel := context.WithTimeout(ctx, chunkWait)
		m, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			return fmt.Errorf("snapshot of %s: %w", name, err)
		}
		if status := m.Header.Get("Status"); len(m.Data) == 0 && status != "" && status != "204" {
			return fmt.Errorf("snapshot of %s: the server gave up: %s %s", name, status, m.Header.Get("Description"))
		}
		if len(m.Data) == 0 {
			return nil
		}
		// The address for the acknowledgement ends with the chunk's number; the last chunk has none.
		if m.Reply != "" && !strings.HasSuffix(m.Reply, fmt.Sprintf(".%d", want)) {
			return fmt.Errorf("snapshot of %s: a piece was lost on the way before number %d", name, want)
		}
		if _, err := w.Write(m.Data); err != nil {
			return err
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return fmt.Errorf("snapshot of %s: %w", name, err)
			}
		}
	}
}

// Put makes a stream anew from a snapshot. Replicas 0 keeps what the configuration says.
func (s *Streams) Put(ctx context.Context, st Stream, replicas int, r io.Reader) error {
	config, err := withReplicas(st.Config, replicas)
	if err != nil {
		return fmt.Errorf("settings of the stream %s: %w", st.Name, err)
	}
	state := st.State
	if len(state) == 0 {
		state = json.RawMessage("{}")
	}
	a, err := s.ask(ctx, "$JS.API.STREAM.RESTORE."+st.Name, map[string]json.RawMessage{"config": config, "state": state}, chunkWait)
	if err != nil {
		return err
	}
	chunk, size := make([]byte, snapshotChunk), putChunk
	for {
		n, err := io.ReadFull(r, chunk[:size])
		if n > 0 {
			began := time.Now()
			if err := s.send(ctx, a.Deliver, chunk[:n]); err != nil {
				return fmt.Errorf("restore %s: %w", st.Name, err)
			}
			size = nextSize(size, time.Since(began))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err // without the end the server throws away what it got
		}
	}
	if err := s.send(ctx, a.Deliver, nil); err != nil {
		return fmt.Errorf("restore %s: %w", st.Name, err)
	}
	return nil
}

// putChunk is how much is sent at first. The server gives a restore up when it takes longer than five
// seconds over one piece, and a small piece may hold thousands of messages, each of which it may flush.
const (
	putChunk = 16 << 10
	putLeast = 2 << 10
	putQuick = 50 * time.Millisecond
	putSlow  = 500 * time.Millisecond
)

// nextSize is that of the next piece, given how long the last one took.
func nextSize(size int, took time.Duration) int {
	switch {
	case took < putQuick:
		return min(2*size, snapshotChunk)
	case took > putSlow:
		return max(size/4, putLeast)
	default:
		return size
	}
}

// putWait is how long the server may take to read in a whole stream after its last piece.
const putWait = 30 * time.Minute

// send delivers one piece, or with none the end; the server answers each, with a text only at the end
// or when something is wrong.
func (s *Streams) send(ctx context.Context, to string, piece []byte) error {
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	m, err := s.nc.RequestWithContext(ctx, to, piece)
	if err != nil || len(m.Data) == 0 {
		return err
	}
	_, err = readAnswer("restore", m.Data)
	return err
}

func withReplicas(config json.RawMessage, replicas int) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(config, &all); err != nil {
		return nil, err
	}
	if replicas > 0 {
		all["num_replicas"] = fmt.Appendf(nil, "%d", replicas)
	}
	return json.Marshal(all)
}

// Remove takes a stream away: what a restore that failed half-way has put there.
func (s *Streams) Remove(ctx context.Context, name string) error {
	return s.js.DeleteStream(ctx, name)
}

// Any names the streams of a house that are there, also those that are not kept.
func (s *Streams) Any(ctx context.Context) ([]string, error) {
	var all []string
	names := s.js.StreamNames(ctx)
	for name := range names.Name() {
		if IsOurs(name) {
			all = append(all, name)
		}
	}
	if err := names.Err(); err != nil {
		return nil, fmt.Errorf("list the streams: %w", err)
	}
	slices.Sort(all)
	return all, nil
}

// Rooms names the rooms that answer on this NATS now: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md
func (s *Streams) Rooms(ctx context.Context) ([]string, error) {
	sub, err := s.nc.SubscribeSync(s.nc.NewInbox())
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.nc.PublishRequest("$SRV.PING", sub.Subject, nil); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, roomsWait)
	defer cancel()
	var all []string
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil { // nobody else answered in time
			slices.Sort(all)
			return slices.Compact(all), nil
		}
		if room, ours := strings.CutPrefix(name(m.Data), servicePrefix); ours {
			all = append(all, room)
		}
	}
}

// name reads who answers; empty for what is none of ours, also the server's word that nobody listens.
func name(pong []byte) string {
	var who struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(pong, &who); err != nil {
		return ""
	}
	return who.Name
}

// servicePrefix stands before a room's name in `nats micro ls`.
const servicePrefix = "palinsesto-"

// roomsWait is how long a room may take to say that it is there.
const roomsWait = time.Second
