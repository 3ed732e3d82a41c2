// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/sandbox"
)

// order is one segnalazione to submit and approve.
type order struct {
	title    string
	channels []string
	due      time.Time
}

// place submits and approves all orders and waits until their posts are queued.
func place(ctx context.Context, h *harness.House, orders []order, posts int) error {
	referente, redattore, err := people(ctx, h)
	if err != nil {
		return err
	}
	pool := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	referente.HTTP, redattore.HTTP = pool, pool
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for _, o := range orders {
		g.Go(func() error {
			seg, err := referente.Submit(gctx, document(o.title, o.channels), o.title)
			if err != nil {
				return err
			}
			return redattore.Approve(gctx, seg, o.due)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for {
		a, err := redattore.Do(ctx, http.MethodGet, "/api/v1/posts?state=queued&limit=1", nil)
		if err != nil {
			return err
		}
		var page harness.Page[harness.Post]
		if err := a.Decode(&page); err != nil {
			return err
		}
		if page.Total >= posts {
			return nil
		}
		if err := waitFor(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// delay measures from due to the arrival of the request, one post at a time at a steady rate.
func delay(ctx context.Context, b *bench) error {
	n := b.opts.rate * b.opts.seconds
	sink := sandbox.NewSink(n)
	srv := httptest.NewServer(sink)
	defer srv.Close()
	const channels = 10
	h, err := b.house("delay", srv.URL+"/telegram", channels)
	if err != nil {
		return err
	}
	if _, err := started(ctx, h); err != nil {
		return err
	}
	defer h.Kill()
	first := time.Now().Add(15*time.Second + time.Duration(n)*5*time.Millisecond)
	orders := make([]order, n)
	dues := make(map[string]time.Time, n)
	for i := range orders {
		due := first.Add(time.Duration(i) * time.Second / time.Duration(b.opts.rate)).Truncate(time.Millisecond)
		orders[i] = order{fmt.Sprintf("Avviso %d", i), []string{channelID(i % channels)}, due}
		dues[orders[i].title] = due
	}
	if err := place(ctx, h, orders, n); err != nil {
		return fmt.Errorf("%w\n%s", err, h.Output())
	}
	if spare := time.Until(first); spare < time.Second {
		return fmt.Errorf("placing took until %s before the first due: use a lower rate", spare)
	}
	if err := sink.Wait(ctx, n); err != nil {
		return err
	}
	arrivals := sink.Arrivals()
	var late []time.Duration
	for title, due := range dues {
		at := arrivals[title]
		if len(at) != 1 {
			return fmt.Errorf("%s arrived %d times", title, len(at))
		}
		late = append(late, at[0].Sub(due))
	}
	slices.Sort(late)
	fmt.Printf("  %d posts at %d a second: p50 %s, p99 %s, max %s; earliest %s after due\n", n, b.opts.rate,
		at(late, 50), at(late, 99), late[n-1].Round(10*time.Microsecond), late[0].Round(10*time.Microsecond))
	return nil
}

// burst lets many posts come due at one moment, and sends as many requests in a plain loop.
func burst(ctx context.Context, b *bench) error {
	const per = 10 // channels of one segnalazione
	n := b.opts.posts
	sink := sandbox.NewSink(2 * n)
	srv := httptest.NewServer(sink)
	defer srv.Close()
	h, err := b.house("burst", srv.URL+"/telegram", b.opts.channels)
	if err != nil {
		return err
	}
	if _, err := started(ctx, h); err != nil {
		return err
	}
	defer h.Kill()
	due := time.Now().Add(20*time.Second + time.Duration(n)*3*time.Millisecond).Truncate(time.Second)
	orders := make([]order, n/per)
	for i := range orders {
		orders[i] = order{title: fmt.Sprintf("Avviso %d", i), due: due}
		for c := range per {
			orders[i].channels = append(orders[i].channels, channelID((i*per+c)%b.opts.channels))
		}
	}
	if err := place(ctx, h, orders, n); err != nil {
		return fmt.Errorf("%w\n%s", err, h.Output())
	}
	if spare := time.Until(due); spare < 2*time.Second {
		return fmt.Errorf("placing took until %s before due", spare)
	}
	used, err := spent(ctx, h.PID(), time.Until(due), func() error { return sink.Wait(ctx, n) })
	if err != nil {
		return err
	}
	last, err := check(sink, orders, per, due)
	if err != nil {
		return err
	}
	took := last.Sub(due)
	loop, err := plainLoop(ctx, srv.URL, n)
	if err != nil {
		return err
	}
	fmt.Printf("  %d posts on %d channels: last arrival %s after due (%.0f a second), %s of processor each; plain loop %s; ratio %.2f; none lost, none doubled, none early\n",
		n, b.opts.channels, took.Round(time.Millisecond), float64(n)/took.Seconds(), (used / time.Duration(n)).Round(time.Microsecond),
		loop.Round(time.Millisecond), took.Seconds()/loop.Seconds())
	return nil
}

// check counts what arrived: every segnalazione once on each of its channels, none before due.
func check(sink *sandbox.Sink, orders []order, per int, due time.Time) (last time.Time, err error) {
	arrivals := sink.Arrivals()
	for _, o := range orders {
		if got := len(arrivals[o.title]); got != per {
			return last, fmt.Errorf("%s arrived %d times on %d channels", o.title, got, per)
		}
		for _, at := range arrivals[o.title] {
			if at.Before(due) {
				return last, fmt.Errorf("%s arrived %s early", o.title, due.Sub(at))
			}
			if at.After(last) {
				last = at
			}
		}
	}
	return last, nil
}

// plainLoop sends the same number of requests, as large as ours, one after the other.
func plainLoop(ctx context.Context, base string, n int) (time.Duration, error) {
	form := url.Values{
		"chat_id": {"@canale_000"}, "disable_notification": {"false"},
		"link_preview_options": {`{"is_disabled":false}`},
		"entities":             {`[{"type":"bold","offset":0,"length":12}]`},
		"text":                 {"Avviso di confronto\n\nGli sportelli restano aperti con il consueto orario. I servizi online sono sempre attivi e gratuiti.\n\nhttps://www.example.org/avvisi\n\n#ServizioAlPubblico"},
	}.Encode()
	begun := time.Now()
	for range n {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/telegram/bot"+botToken+"/sendMessage", strings.NewReader(form))
		if err != nil {
			return 0, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		buf := make([]byte, 4096)
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		_ = resp.Body.Close()
	}
	return time.Since(begun), nil
}

func at(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100].Round(10 * time.Microsecond)
}

func median(ds []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(ds))
	return s[len(s)/2].Round(time.Millisecond)
}

func rounded(ds []time.Duration) []time.Duration {
	out := make([]time.Duration, len(ds))
	for i, d := range ds {
		out[i] = d.Round(time.Millisecond)
	}
	return out
}
