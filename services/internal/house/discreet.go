// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/telemetry"
)

// inside is what tells of the machine: addresses, with whatever stands in them, and paths of files.
var inside = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://\S+|(^|[\s"'«(=])/[^\s"'»:)]+|\b[\w.-]+:\d{2,5}\b|\[[0-9a-fA-F:.]+\]:\d+`)

// discreet is what a report says to everybody: the page asks for no token. The reasons in full stand in
// the log of the process, and reach the operators as alerts.
func discreet(r telemetry.Report) telemetry.Report {
	r.Rooms = maps.Clone(r.Rooms)
	for name, room := range r.Rooms {
		if room.Error != "" {
			room.Error = "Il motivo è nel log di questo processo. (see the log of this process)"
			r.Rooms[name] = room
		}
	}
	warnings := make([]string, 0, len(r.Warnings))
	for _, w := range r.Warnings {
		warnings = append(warnings, inside.ReplaceAllString(string(telemetry.Redact([]byte(w))), "$1…"))
	}
	r.Warnings = warnings
	return r
}

// public is a report for everybody.
func public(report func(context.Context) telemetry.Report) func(context.Context) telemetry.Report {
	return func(ctx context.Context) telemetry.Report { return discreet(report(ctx)) }
}

// How long an answer serves again: a no is asked for by whoever waits for a yes.
const yesServes, noServes = time.Second, 50 * time.Millisecond

// remembered answers a page anew once a second at most, one at a time: a page that everybody may ask for
// must not cost the log and the index more the more it is asked for.
type remembered struct {
	page http.Handler
	mu   sync.Mutex
	last heard
	till time.Time
}

func (p *remembered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := p.answer(r)
	header := w.Header()
	maps.Copy(header, a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // whoever asked may have left
}

// answer asks in a plain way, and whether or not this asker stays: the next one is told the same.
func (p *remembered) answer(r *http.Request) heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.till) {
		return p.last
	}
	plain := r.Clone(context.WithoutCancel(r.Context()))
	plain.Header = http.Header{}
	p.last = heard{header: http.Header{}, status: http.StatusOK, body: &bytes.Buffer{}}
	p.page.ServeHTTP(&p.last, plain)
	p.till = time.Now().Add(noServes)
	if p.last.status == http.StatusOK {
		p.till = time.Now().Add(yesServes)
	}
	return p.last
}

// heard is an answer that was caught.
type heard struct {
	header http.Header
	status int
	body   *bytes.Buffer
}

func (a *heard) Header() http.Header         { return a.header }
func (a *heard) WriteHeader(status int)      { a.status = status }
func (a *heard) Write(b []byte) (int, error) { return a.body.Write(b) }
