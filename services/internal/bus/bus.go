// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bus is the house's only way to the log: it appends by compare-and-set, reads the newest
// message of an aggregate, hands events to rooms and turns their verdicts into acknowledgements, and
// carries commands. No other package but embednats knows that NATS is below.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Server is a NATS server in this process.
type Server interface {
	InProcessConn() (net.Conn, error)
	Healthy() error // why it takes no appends, if so
}

// Options say where the log is and who asks.
type Options struct {
	Name     string // of the connection: the room's name
	URL      string // of a NATS server; empty: Server
	Server   Server
	User     string // empty: as the URL says
	Password string
	Replicas int // of what is made here, in a cluster; 0 counts as 1
	// Space tells the free bytes where the log is stored; nil where nobody here can see it.
	Space func() (uint64, error)
	Floor uint64 // free bytes below which new segnalazioni and media are refused
	Log   *slog.Logger
	Clock func() time.Time
	// Tracer makes the spans of a trace; nil: off.
	Tracer trace.Tracer
}

// Bus is one connection to the log.
type Bus struct {
	o       Options
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  jetstream.Stream
	media   jetstream.ObjectStore
	uploads jetstream.ObjectStore
	group   *group
	many    *manyReader
	looks   *together
	offset  atomic.Int64 // of the log's clock against ours, in nanoseconds
	closed  chan struct{}
	counts  counts
}

// ErrNone is what reading gives where nothing was ever appended.
var ErrNone = errors.New("bus: no such aggregate")

const (
	// connectWait is how long a room waits for the log and its stream: rooms start in any order.
	connectWait = time.Minute
	requestWait = 5 * time.Second
)

// Connect reaches the log, making its stream and buckets where they are missing and it may.
func Connect(ctx context.Context, o Options) (*Bus, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	ctx, cancel := context.WithTimeout(ctx, connectWait)
	defer cancel()
	nc, err := reach(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("reach the log: %w", err)
	}
	b := &Bus{o: o, nc: nc, closed: make(chan struct{})}
	if err := b.open(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return b, nil
}

// reach dials until the server is there: the log may start after its rooms.
func reach(ctx context.Context, o Options) (*nats.Conn, error) {
	for try := 0; ; try++ {
		nc, err := dial(o)
		if err == nil || errors.Is(err, nats.ErrAuthorization) {
			return nc, err
		}
		o.Log.Warn("the log cannot be reached yet", "room", o.Name, "error", err)
		if pause(ctx, min(try+4, 10)) != nil {
			return nil, err
		}
	}
}

func dial(o Options) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("palinsesto " + o.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, time.Second),
		nats.CustomInboxPrefix(InboxPrefix(o.Name)),
		// An append must fail now rather than wait in a buffer and arrive when nobody expects it.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			o.Log.Warn("NATS", "error", err, "subject", subject)
		}),
	}
	if o.Server != nil {
		opts = append(opts, nats.InProcessServer(o.Server))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	return nats.Connect(o.URL, opts...)
}

// InboxPrefix is where answers to a room go: a prefix of its own, so that a room's user can be kept
// from listening to the answers of others.
func InboxPrefix(room string) string { return "_INBOX_" + room }

func (b *Bus) open(ctx context.Context) error {
	js, err := jetstream.New(b.nc, jetstream.WithDefaultTimeout(requestWait))
	if err != nil {
		return err
	}
	b.js = js
	if err := b.openStores(ctx); err != nil {
		return err
	}
	if b.many, err = newManyReader(b.nc, InboxPrefix(b.o.Name)); err != nil {
		return err
	}
	b.group, b.looks = newGroup(b), newTogether(b)
	return b.measureClock(ctx)
}

// Close stops appends and lets go of the connection. Consumers and services have stopped before.
func (b *Bus) Close() {
	close(b.closed)
	b.group.wait()
	b.nc.Close()
}

// Connected tells whether the log can be reached now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// URL is where the connection stands, without credentials.
func (b *Bus) URL() string { return b.nc.ConnectedUrlRedacted() }

// LogID names this very log: an index of another one is of no use.
func (b *Bus) LogID(ctx context.Context) (string, error) {
	info, err := b.stream.Info(ctx)
	if err != nil {
		return "", fmt.Errorf("ask about the log: %w", err)
	}
	return logID(info.Config.Metadata[metaLog], info.Created), nil
}

// metaLog is where the log's own name stands in its settings: it goes along with every copy. The moment of
// making, which an older log has to do with, is told otherwise before and after the server's first restart.
const metaLog = "palinsesto-log"

func logID(name string, made time.Time) string {
	if name == "" {
		name = made.UTC().Format(time.RFC3339Nano)
	}
	return palinsesto.DeriveID("log", name)
}

// LastSeq is the sequence of the newest message of the log.
func (b *Bus) LastSeq(ctx context.Context) (uint64, error) {
	info, err := b.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask about the log: %w", err)
	}
	return info.State.LastSeq, nil
}

// Full says whether the store is below its floor, as an error for people: new segnalazioni and media
// are refused well before JetStream meets a full disk, which it does not survive without a restart.
func (b *Bus) Full() error {
	if b.o.Space == nil || b.o.Floor == 0 {
		return nil
	}
	free, err := b.o.Space()
	if err != nil || free >= b.o.Floor {
		return nil //nolint:nilerr // a file system that cannot be asked must not stop the newsroom
	}
	return palinsesto.Refuse(palinsesto.CodeFull,
		fmt.Sprintf("Spazio su disco quasi esaurito (liberi %d MiB, soglia %d MiB): per non perdere nulla non si accettano nuove segnalazioni e media. Liberare spazio o ingrandire il disco, poi ripetere l'invio.", free>>20, b.o.Floor>>20),
		fmt.Sprintf("Disk nearly full (%d MiB free, floor %d MiB): new reports and media are refused so that nothing is lost. Make room, then send again.", free>>20, b.o.Floor>>20))
}

// streamConfig is the log as it is made; an existing one keeps its replicas.
func (b *Bus) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               contract.Stream,
		Description:        "Palinsesto: every change, for ever",
		Subjects:           contract.StreamSubjects(),
		Storage:            jetstream.FileStorage,
		Replicas:           b.replicas(),
		AllowDirect:        true,
		AllowAtomicPublish: true,
		// Nothing is ever thrown away: when the disk is full the append fails instead.
		Discard:    jetstream.DiscardNew,
		DenyDelete: false, // erasure purges what lies before it
		MaxMsgSize: contract.MaxPayload + 16<<10,
		// Nothing happens once because of a message id; the window costs memory.
		Duplicates: 100 * time.Millisecond,
		Metadata:   map[string]string{metaLog: nuid.Next()},
	}
}

// openStores finds the log and its buckets, or makes them. A room whose user may not make them waits
// until another has: rooms start in any order.
func (b *Bus) openStores(ctx context.Context) error {
	for {
		err := b.tryStores(ctx)
		if err == nil || ctx.Err() != nil {
			if err != nil {
				return fmt.Errorf("open the log (is JetStream enabled, may %q use it?): %w", b.o.Name, err)
			}
			return nil
		}
		b.o.Log.Info("the log is not there yet", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (b *Bus) tryStores(ctx context.Context) (err error) {
	ask, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	b.stream, err = b.js.Stream(ask, contract.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		b.stream, err = b.js.CreateStream(ask, b.streamConfig())
	}
	if err != nil {
		return err
	}
	b.widen(ask)
	if err := b.openDead(ask); err != nil {
		return err
	}
	return b.openMedia(ask)
}

func hostname() string {
	h, err := os.Hostname()
	if err != nil {
		return "?"
	}
	return h
}
