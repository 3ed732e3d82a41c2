// SPDX-License-Identifier: AGPL-3.0-or-later

// Package index keeps what lists, the due queue and rate limits need in Redis, or in a Redis of its own
// inside this process when none is given. It knows nothing of the domain: the indexing room turns the
// log into Docs. All of it may be wiped at any moment; then everything says ErrNoIndex until a rebuild.
//
// Keys, all under Options.Prefix:
//
//	current                         the epoch that everybody reads; absent: there is no index
//	building, epochs                the lock of the builder; epochs that have keys
//	e:<epoch>:meta                  log, schema, applied sequence, revision, buckets used per set
//	e:<epoch>:d:<set>               hash: id -> packed document
//	e:<epoch>:z:<set>:<bucket>:<facet>  sorted by name: <score, 16 digits><id>; facet "" holds all
//	e:<epoch>:c:<set>:<facet name>  hash: facet value -> how many
//	e:<epoch>:due, e:<epoch>:moments    when a member is looked at next; when it was due in truth
//	rate: block: once: lead:        short-lived, of no epoch
//
// Keys are put together inside the scripts, so a Redis Cluster is served only with a prefix that is one
// hash tag, such as "{palinsesto}:".
package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Schema is the version of the keys and of the packed documents. An index of another one is not read.
const Schema = 1

// Projection is the version of what is made of the log: raise it with every change of what a document
// shows, and the first start of the new version rebuilds the index.
const Projection = 3

// NameOf is what the index of a log says in Meta.Log. One that was made by other rules of projection is
// of another log, as it were.
func NameOf(log string) string { return log + "/" + strconv.Itoa(Projection) }

// schemaMark opens every epoch's name, so that a script sees the schema without another read.
var schemaMark = "s" + strconv.Itoa(Schema) + "-"

var (
	// ErrNoIndex says that there is nothing to read or write: wiped, of another epoch, not built yet.
	ErrNoIndex = errors.New("l'indice non è pronto: si sta ricostruendo dal registro, riprovare fra poco (the index is not ready: wait for the rebuild)")
	// ErrNotFound says that the set has no such document.
	ErrNotFound = errors.New("non trovato nell'indice (not found in the index)")
	// ErrBuilding says that another copy is rebuilding: wait until Meta says Ready.
	ErrBuilding = errors.New("un'altra copia sta ricostruendo l'indice (another copy is rebuilding the index)")
	// ErrBusy says that other writers got in between again and again: the same call may be made again.
	ErrBusy = errors.New("l'indice è conteso da altri scrittori, riprovare (the index is contended, try again)")
)

// Options say where the index is.
type Options struct {
	URL    string           // redis://, rediss:// or unix://; empty: inside this process
	Prefix string           // of all keys; several houses may share one Redis. Empty: "palinsesto:"
	Log    *slog.Logger     // nil: silent
	Clock  func() time.Time // nil: time.Now
}

// Index is safe for use by many goroutines. One process opens it once and hands it to its rooms.
type Index struct {
	db     *redis.Client // documents, lists, the due queue
	short  *redis.Client // what expires; db itself unless embedded
	keys   keys
	log    *slog.Logger
	clock  func() time.Time
	limits limiter
	local  *embedded // nil with a Redis given by URL

	epoch    atomic.Pointer[string] // last seen current epoch: only a guess, verified by each read
	verified atomic.Bool
	mu       sync.Mutex
	warnings []string

	stop       context.CancelFunc // ends background work
	background context.Context
	work       sync.WaitGroup
}

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9:_{}.-]{1,64}$`)

// Open connects. A Redis that does not answer yet is no error, since rooms may start in any order; a URL
// that cannot be read is one.
func Open(ctx context.Context, o Options) (*Index, error) {
	if o.Prefix == "" {
		o.Prefix = "palinsesto:"
	}
	if !prefixForm.MatchString(o.Prefix) {
		return nil, fmt.Errorf("prefisso delle chiavi non valido %q: lettere, cifre, «:», «_», «.», «-», «{», «}» (invalid key prefix)", o.Prefix)
	}
	x := &Index{keys: keys{o.Prefix}, log: o.Log, clock: o.Clock}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if x.clock == nil {
		x.clock = time.Now
	}
	if err := x.connect(o.URL); err != nil {
		return nil, err
	}
	x.limits = newLimiter(x.short, o.Prefix)
	x.background, x.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := x.Ping(ctx); err != nil {
		x.log.WarnContext(ctx, "Redis does not answer yet", "error", err)
	}
	return x, nil
}

func (x *Index) connect(url string) error {
	if url == "" {
		local, err := openEmbedded(x.keys.prefix)
		if err != nil {
			return fmt.Errorf("avvio dell'indice interno: %w", err)
		}
		x.local, x.db, x.short = local, local.main.client, local.short.client
		return nil
	}
	o, err := redis.ParseURL(url)
	if err != nil { // not wrapped: it would print the URL, which may hold a password
		return errors.New("l'indirizzo di Redis non si capisce: serve redis://[utente:password@]host:porta[/numero], rediss:// per TLS, o unix:///percorso (the Redis URL cannot be read)")
	}
	redis.SetLogger(clientLog{x.log}) // the client writes to stderr otherwise, past our log
	x.db = redis.NewClient(tuned(o))
	x.short = x.db
	return nil
}

// Close ends background work and the connections; an embedded index forgets everything.
func (x *Index) Close() error {
	x.stop()
	x.work.Wait()
	if x.local != nil {
		return x.local.close()
	}
	return x.db.Close()
}

// Meta says whose index this is and how far it has come.
type Meta struct {
	Epoch  string
	Log    string // which log it was built from, see NameOf
	Schema int
	Seq    uint64 // everything of the log up to here is in it
	Ready  bool   // may be read and written by this version of the program
}

// Meta is zero when the index is wiped or was never built.
func (x *Index) Meta(ctx context.Context) (Meta, error) {
	for range 4 {
		epoch, err := x.db.Get(ctx, x.keys.current()).Result()
		if errors.Is(err, redis.Nil) {
			return Meta{}, nil
		}
		if err != nil {
			return Meta{}, fmt.Errorf("lettura dell'indice: %w", err)
		}
		// Read again after it, as in inEpoch: a namespace that is being dropped tells nothing. Plain reads,
		// not a script: every room asks twice a second, and Lua in miniredis costs ten times as much.
		p := x.db.Pipeline()
		fields := p.HMGet(ctx, x.keys.space(epoch)+"meta", "log", "schema", "seq")
		current := p.Get(ctx, x.keys.current())
		if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return Meta{}, fmt.Errorf("lettura dell'indice: %w", err)
		}
		if current.Val() == epoch {
			return metaOf(epoch, fields.Val()), nil
		}
	}
	return Meta{}, ErrBusy
}

// metaOf reads what stands in meta; without a sequence there is no index.
func metaOf(epoch string, fields []any) Meta {
	text := make([]string, 3)
	for i := range min(len(fields), len(text)) {
		text[i], _ = fields[i].(string)
	}
	if text[2] == "" {
		return Meta{}
	}
	m := Meta{Epoch: epoch, Log: text[0]}
	m.Schema, _ = strconv.Atoi(text[1])           // not a number: 0, no schema of ours
	m.Seq, _ = strconv.ParseUint(text[2], 10, 64) // the same: 0, all is read again
	m.Ready = m.Schema == Schema
	return m
}

// Ping says whether Redis answers, and on its first answer looks at its settings (see Warnings).
func (x *Index) Ping(ctx context.Context) error {
	if err := x.db.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("Redis non risponde: %w", err)
	}
	if x.local == nil && x.verified.CompareAndSwap(false, true) {
		x.verify(ctx)
	}
	return nil
}

// Warnings are settings of Redis that a person has to mend, as sentences.
func (x *Index) Warnings() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]string(nil), x.warnings...)
}

func (x *Index) warn(ctx context.Context, text string) {
	x.mu.Lock()
	x.warnings = append(x.warnings, text)
	x.mu.Unlock()
	x.log.WarnContext(ctx, "Redis needs another setting", "warning", text)
}

// verify looks at the eviction policy: a Redis that throws away keys under pressure loses single members
// of the due queue, which nothing would notice but the sweep.
// https://redis.io/docs/latest/develop/reference/eviction/
func (x *Index) verify(ctx context.Context) {
	v, err := x.db.ConfigGet(ctx, "maxmemory-policy").Result()
	switch policy := v["maxmemory-policy"]; {
	case err != nil || policy == "":
		x.warn(ctx, "Non si è potuto verificare che Redis non scarti chiavi: controllare che maxmemory-policy sia noeviction. (maxmemory-policy could not be read; it must be noeviction)")
	case policy != "noeviction":
		x.warn(ctx, "Redis può scartare chiavi quando la memoria finisce (maxmemory-policy "+policy+"): impostare noeviction. (maxmemory-policy must be noeviction)")
	}
}

// keys puts the names of keys together.
type keys struct{ prefix string }

func (k keys) current() string  { return k.prefix + "current" }
func (k keys) building() string { return k.prefix + "building" }
func (k keys) epochs() string   { return k.prefix + "epochs" }
func (k keys) space(epoch string) string { // with an empty epoch: where all of them begin
	if epoch == "" {
		return k.prefix + "e:"
	}
	return k.prefix + "e:" + epoch + ":"
}

// inEpoch runs plain reads against the current epoch. The epoch is read after them: if it is still the
// one they were made for, none of them met a namespace that was being dropped.
func (x *Index) inEpoch(ctx context.Context, read func(p redis.Pipeliner, space string)) error {
	for range 4 {
		epoch, err := x.guess(ctx)
		if err != nil {
			return err
		}
		p := x.db.Pipeline()
		read(p, x.keys.space(epoch))
		current := p.Get(ctx, x.keys.current())
		if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("lettura dell'indice: %w", err)
		}
		if current.Val() == epoch {
			return nil
		}
		x.epoch.Store(nil)
	}
	return ErrBusy
}

func (x *Index) guess(ctx context.Context) (string, error) {
	if e := x.epoch.Load(); e != nil {
		return *e, nil
	}
	epoch, err := x.db.Get(ctx, x.keys.current()).Result()
	if errors.Is(err, redis.Nil) || err == nil && !ours(epoch) {
		return "", ErrNoIndex
	}
	if err != nil {
		return "", fmt.Errorf("lettura dell'indice: %w", err)
	}
	x.epoch.Store(&epoch)
	return epoch, nil
}

func ours(epoch string) bool {
	return len(epoch) > len(schemaMark) && epoch[:len(schemaMark)] == schemaMark
}
