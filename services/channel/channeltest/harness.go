// SPDX-License-Identifier: AGPL-3.0-or-later

// Package channeltest is the suite that every network's adapter passes: what was approved arrives as it
// was approved, one call makes one request whatever the network does, each failure gets the verdict that
// is certain, and no secret shows anywhere. The network is a program of ours that the test brings.
package channeltest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Harness is what a network's test brings.
type Harness struct {
	// Open starts a network of its own for one test.
	Open func(t *testing.T) World
	// New makes the adapter for the API at base. Adapters of one test may share a transport.
	New func(t *testing.T, base string) channel.Channel
	// Secrets are those that the adapter is given: they may show nowhere.
	Secrets  []string
	Features Features
}

// Features are the honest differences between networks.
type Features struct {
	NeedsMedia bool // no post of text alone
	Spans      bool // shows formatting
	Replies    bool // ties a second part to the first
	Silent     bool // can keep quiet at night
	Video      bool
}

// World is a network that can be looked at and made to fail.
type World interface {
	Base() string             // of its API
	Wall() []Item             // what the public would see, oldest first, the deleted included
	Requests() int            // calls of the API that arrived
	Changed() <-chan struct{} // closed at the next change of the wall or of the requests
	Fail(f Fault)             // from now on, until Recover
	Recover()
}

// Item is one message on the wall.
type Item struct {
	ID      string
	Text    string
	Spans   []palinsesto.Span // offsets in bytes, in any order
	Media   []string          // SHA-256 in hex, in order
	Silent  bool
	ReplyTo string
	Deleted bool
}

// bench is one test's network with an adapter in front of it.
type bench struct {
	*testing.T
	h     Harness
	world World
	ch    channel.Channel
	store *store
	keys  int // that were given out
}

func (h Harness) bench(t *testing.T) *bench {
	t.Helper()
	w := h.Open(t)
	return &bench{T: t, h: h, world: w, ch: h.New(t, w.Base()), store: &store{files: map[string][]byte{}}}
}

// part is the simplest that the network takes.
func (b *bench) part(text string) palinsesto.Part {
	p := palinsesto.Part{Text: text}
	if b.h.Features.NeedsMedia {
		p.Media = []palinsesto.Media{b.store.photo(b.T, 1)}
	}
	return p
}

func (b *bench) delivery(p palinsesto.Part) channel.Delivery {
	b.keys++
	return channel.Delivery{ // each another attempt
		Post: "post", Key: fmt.Sprintf("key-%d", b.keys), Part: p, Open: b.store.open,
		Record: func(context.Context, map[string]string) error { return nil },
	}
}

func (b *bench) prepare(d channel.Delivery) channel.Prepared {
	b.Helper()
	p, err := b.ch.Prepare(b.Context(), d)
	require.NoError(b, err)
	return p
}

// publish prepares and publishes what must succeed, and finds it on the wall.
func (b *bench) publish(d channel.Delivery) (channel.Receipt, []Item) {
	b.Helper()
	r, err := b.ch.Publish(b.Context(), b.prepare(d))
	require.NoError(b, err)
	b.receipt(r)
	return r, b.items(r)
}

// receipt looks at what every receipt must have.
func (b *bench) receipt(r channel.Receipt) {
	b.Helper()
	require.NotEmpty(b, r.RemoteIDs)
	require.NotContains(b, r.RemoteIDs, "")
	require.False(b, r.At.IsZero())
	require.NotZero(b, r.Status)
	require.LessOrEqual(b, len(r.Raw), maxRaw)
	b.clean(fmt.Sprintf("%+v", r))
}

// items are those of the wall that a receipt names, in its order.
func (b *bench) items(r channel.Receipt) []Item {
	b.Helper()
	var out []Item
	wall := b.world.Wall()
	for _, id := range r.RemoteIDs {
		for _, item := range wall {
			if item.ID == id {
				out = append(out, item)
			}
		}
	}
	require.Len(b, out, len(r.RemoteIDs), "the receipt names what is not on the wall")
	return out
}

const maxRaw = 2 << 10

// failed looks at what every error must have.
func (b *bench) failed(err error) *channel.Error {
	b.Helper()
	var e *channel.Error
	require.ErrorAs(b, err, &e, "an error that the adapter did not classify")
	require.NotEmpty(b, e.Verdict)
	require.NotEqual(b, channel.Posted, e.Verdict)
	require.Regexp(b, `^[a-z]+\.[a-z_]+$`, e.Cause, "a code to group by")
	require.Greater(b, len(strings.Fields(e.Text)), 8, "a sentence: what happened, what it means, what to do")
	require.LessOrEqual(b, len(e.Raw), maxRaw)
	require.True(b, utf8.ValidString(e.Raw))
	require.Equal(b, e.Verdict == channel.RetryAfter, e.After > 0)
	b.clean(e.Cause, e.Text, e.Raw)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		b.clean(fmt.Sprintf(format, err))
	}
	for below := error(e); below != nil; below = errors.Unwrap(below) {
		b.clean(below.Error())
	}
	return e
}

func (b *bench) clean(texts ...string) {
	b.Helper()
	for _, text := range texts {
		for _, secret := range b.h.Secrets {
			require.NotContains(b, text, secret)
		}
	}
}

// until is a context whose deadline comes when done says so, asked at every change of the world: what is
// to happen before it has happened then, on a busy machine as well.
func (b *bench) until(done func() bool) context.Context {
	reached := make(chan struct{})
	go func() {
		for {
			changed := b.world.Changed() // taken before looking, so that no change slips between
			if done() {
				close(reached)
				return
			}
			select {
			case <-changed:
			case <-b.Context().Done():
				return
			}
		}
	}()
	return b.once(reached)
}

// once is a context whose deadline comes when reached does.
func (b *bench) once(reached <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancelCause(b.Context())
	go func() {
		select {
		case <-reached:
			cancel(context.DeadlineExceeded)
		case <-ctx.Done():
		}
	}()
	return ctx
}

// store is media by hash.
type store struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (s *store) put(m palinsesto.Media, raw []byte) palinsesto.Media {
	sum := sha256.Sum256(raw)
	m.Hash, m.Bytes = hex.EncodeToString(sum[:]), int64(len(raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[m.Hash] = raw
	return m
}

func (s *store) open(_ context.Context, hash string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, ok := s.files[hash]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

// photo is a real picture, another for each shade. Its name is hostile: it comes from people.
func (s *store) photo(t *testing.T, shade uint8) palinsesto.Media {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 640, 640))
	for i := range img.Pix {
		img.Pix[i] = color.Gray{Y: shade}.Y
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, nil))
	name := "foto \"di\" gruppo\r\nX-Evil: 1 ☺.jpg"
	return s.put(palinsesto.Media{Kind: "image", MIME: "image/jpeg", Filename: name, Alt: "Una foto", Width: 640, Height: 640}, b.Bytes())
}

// video begins as an MP4 does (ISO/IEC 14496-12, 4.3).
func (s *store) video() palinsesto.Media {
	raw := append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), bytes.Repeat([]byte("\x00\x00\x00\x08free"), 4096)...)
	return s.put(palinsesto.Media{Kind: "video", MIME: "video/mp4", Filename: "v.mp4", Alt: "Un video", Width: 1280, Height: 720}, raw)
}
