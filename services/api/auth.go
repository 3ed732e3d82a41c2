// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	// knownFor is how long a token is not looked up again: how long a revocation by another copy takes
	// to be seen here, at most.
	knownFor = 2 * time.Second
	// knownMost bounds the cache; only tokens that exist get into it.
	knownMost = 4096
	// failures that one address may have before it has to wait.
	failuresAtOnce, failuresAMinute = 10, 30
	// looks that it may then still cause in the log: somebody's new token enters, guesses cost little.
	looksAtOnce, looksAMinute = 20, 120
)

// doorkeeper tells who a bearer token belongs to.
type doorkeeper struct {
	Deps
	mu    sync.Mutex
	known map[[sha256.Size]byte]knownToken
	shut  map[string]time.Time // until when an address has to wait
}

type knownToken struct {
	token palinsesto.Token
	until time.Time
}

func newDoorkeeper(d Deps) *doorkeeper {
	return &doorkeeper{Deps: d, known: map[[sha256.Size]byte]knownToken{}, shut: map[string]time.Time{}}
}

// errStranger is deliberately one for all: no such token, revoked, wrong secret.
var errStranger = palinsesto.Refuse(palinsesto.CodeUnauthorized,
	"Serve un accesso valido: inviare l'intestazione «Authorization: Bearer …» con un token non revocato.",
	"A valid access is needed: send \"Authorization: Bearer …\" with a token that is not revoked.")

// enter names who asks. Whoever fails too often from one address has to wait; a valid token enters
// also from such an address, since many offices share one.
func (k *doorkeeper) enter(ctx context.Context, r *http.Request) (palinsesto.Actor, error) {
	from, token := addressOf(r.RemoteAddr), bearer(r.Header.Get("Authorization"))
	if wait := k.barred(ctx, from, token); wait > 0 {
		return palinsesto.Actor{}, tooOften(ctx, wait)
	}
	t, err := k.find(ctx, token)
	if err == nil {
		return t.Actor(), nil
	}
	if !errors.Is(err, errStranger) {
		return palinsesto.Actor{}, err
	}
	wait, limitErr := k.Index.Take(ctx, index.Rate{Key: "door:" + from, PerMinute: failuresAMinute, Burst: failuresAtOnce})
	if limitErr != nil || wait <= 0 {
		return palinsesto.Actor{}, errStranger // without the index there is no throttle, and still no entry
	}
	k.bar(from, wait)
	if first, err := k.Index.Once(ctx, "door:"+from, time.Minute); err == nil && first {
		k.Log.WarnContext(ctx, "many requests without a valid token", "from", from)
	}
	return palinsesto.Actor{}, tooOften(ctx, wait)
}

// barred tells how long an address that failed too often has to wait before the log is asked again for
// a token that was never seen here.
func (k *doorkeeper) barred(ctx context.Context, from, token string) time.Duration {
	sum := sha256.Sum256([]byte(token))
	k.mu.Lock()
	_, familiar := k.known[sum]
	shut := k.Clock().Before(k.shut[from])
	k.mu.Unlock()
	if familiar || !shut {
		return 0
	}
	wait, err := k.Index.Take(ctx, index.Rate{Key: "look:" + from, PerMinute: looksAMinute, Burst: looksAtOnce})
	if err != nil {
		return 0
	}
	return wait
}

func (k *doorkeeper) bar(from string, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.shut) >= knownMost {
		clear(k.shut)
	}
	k.shut[from] = k.Clock().Add(wait)
}

func tooOften(ctx context.Context, wait time.Duration) error {
	p := makeProblem(ctx, palinsesto.Refuse(palinsesto.CodeUnauthorized,
		"Troppi tentativi senza un token valido da questo indirizzo: attendere, poi riprovare.",
		"Too many attempts without a valid token from this address: wait, then try again."))
	p.Status, p.retry = http.StatusTooManyRequests, int(wait/time.Second)+1
	return p
}

// bearer is the token of an Authorization header (RFC 6750, section 2.1).
func bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// find looks a token up on the log, or among those found a moment ago.
func (k *doorkeeper) find(ctx context.Context, token string) (palinsesto.Token, error) {
	id, secret, ok := splitToken(token)
	if !ok {
		return palinsesto.Token{}, errStranger
	}
	sum := sha256.Sum256([]byte(token))
	if t, ok := k.recall(sum); ok {
		return t, nil
	}
	e, err := bus.Load(ctx, k.Bus, contract.Tokens, contract.TokenSubject(id))
	if errors.Is(err, bus.ErrNone) {
		return palinsesto.Token{}, errStranger
	}
	if err != nil {
		return palinsesto.Token{}, err
	}
	t := e.State
	right := subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(t.Hash)) == 1
	if !right || !t.Revoked.IsZero() || !t.Role.Valid() || t.ID != id {
		return palinsesto.Token{}, errStranger
	}
	k.remember(sum, t)
	return t, nil
}

func (k *doorkeeper) recall(sum [sha256.Size]byte) (palinsesto.Token, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.known[sum]
	return e.token, ok && k.Clock().Before(e.until)
}

func (k *doorkeeper) remember(sum [sha256.Size]byte, t palinsesto.Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= knownMost {
		clear(k.known)
	}
	k.known[sum] = knownToken{t, k.Clock().Add(knownFor)}
}

// forget is for a token that was revoked here: it is refused from now on.
func (k *doorkeeper) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for sum, e := range k.known {
		if e.token.ID == id {
			delete(k.known, sum)
		}
	}
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// addressOf is what counts as one address: of IPv6 the network of 64 bits, which one subscriber has.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return p.Addr().String()
}

type actorKey struct{}

func actorOf(ctx context.Context) palinsesto.Actor {
	a, _ := ctx.Value(actorKey{}).(palinsesto.Actor)
	return a
}

// reaches tells whether a role may do something at all; on what, is looked at when the thing is known.
func reaches(a palinsesto.Actor, do palinsesto.Action) bool {
	return a.Can(do, "") || a.Centre != "" && a.Can(do, a.Centre)
}

func forbidden() *palinsesto.Error {
	return palinsesto.Refuse(palinsesto.CodeForbidden,
		"Il ruolo di questo accesso non lo permette.", "The role of this access does not allow it.")
}
