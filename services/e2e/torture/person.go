// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/palinsesto/palinsesto/services/e2e/harness"
	"github.com/palinsesto/palinsesto/services/internal/wait"
)

// person asks the house over HTTP, as one of its people: whichever door answers, again and again until
// there is an answer, always under the same key.
type person struct {
	w     *world
	token string
	door  atomic.Int64 // the one that answered last
	http  *http.Client
}

// errNoAnswer means that what was asked may have been done or not.
var errNoAnswer = errors.New("no answer came")

// answerWait is how long a person waits at a door before trying again.
const answerWait = 8 * time.Second

func (w *world) newPerson(token string) *person {
	return &person{w: w, token: token, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Second}}}
}

// once asks one door.
func (p *person) once(ctx context.Context, method, path string, body any, header ...string) (harness.Answer, error) {
	doors := p.w.apis()
	door := doors[int(p.door.Load())%len(doors)]
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	c := harness.Client{URL: "http://" + door.addr, Token: p.token, HTTP: p.http}
	a, err := c.Do(ctx, method, path, body, header...)
	if err != nil || a.Status >= 500 {
		p.door.Add(1)
	}
	return a, err
}

// ask asks until there is an answer that decides; tries counts how often it was sent.
func (p *person) ask(ctx context.Context, method, path string, body any, key string) (a harness.Answer, tries int, err error) {
	var header []string
	if key != "" {
		header = []string{"Idempotency-Key", key}
	}
	for again := 30 * time.Millisecond; ; again = min(2*again, time.Second) {
		a, err = p.once(ctx, method, path, body, header...)
		tries++
		if err == nil && a.Status < 500 && a.Status != http.StatusTooManyRequests {
			return a, tries, nil
		}
		if !wait.For(ctx, again/2+time.Duration(rand.Int64N(int64(again)))) {
			return a, tries, fmt.Errorf("%s %s: %w", method, path, errNoAnswer)
		}
	}
}

// do asks and reads the answer into out when it is one of success.
func (p *person) do(ctx context.Context, method, path string, body, out any, key string) (status, tries int, err error) {
	a, tries, err := p.ask(ctx, method, path, body, key)
	if err != nil {
		return 0, tries, err
	}
	if a.Status < 300 && out != nil {
		return a.Status, tries, json.Unmarshal(a.Body, out)
	}
	return a.Status, tries, nil
}

// list reads a whole list.
func list[T any](ctx context.Context, p *person, path string) ([]T, error) {
	var all []T
	next := ""
	for {
		var page harness.Page[T]
		status, _, err := p.do(ctx, http.MethodGet, path+next, nil, &page, "")
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("%s: HTTP %d", path+next, status)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		next = "&cursor=" + page.Next
	}
}

// newToken has the administrator make a token.
func (w *world) newToken(ctx context.Context, name, role, centre string) (*person, error) {
	admin := w.newPerson(w.admin)
	body := map[string]string{"role": role, "name": name}
	if centre != "" {
		body["centre"] = centre
	}
	var made struct {
		Token string `json:"token"`
	}
	status, _, err := admin.do(ctx, http.MethodPost, "/api/v1/tokens", body, &made, "")
	if err != nil || status != http.StatusCreated {
		return nil, fmt.Errorf("token for %s: HTTP %d: %w", name, status, err)
	}
	return w.newPerson(made.Token), nil
}

// long asks once and waits long: a whole log is read before the answer.
func (p *person) long(ctx context.Context, method, path string, out any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	door := p.w.apis()[0]
	a, err := harness.Client{URL: "http://" + door.addr, Token: p.token, HTTP: p.http}.Do(ctx, method, path, nil)
	if err != nil || a.Status >= 300 {
		return a.Status, err
	}
	return a.Status, a.Decode(out)
}
