// SPDX-License-Identifier: AGPL-3.0-or-later

package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client speaks the HTTP API with one token.
type Client struct {
	URL   string
	Token string
	HTTP  *http.Client
}

// Answer is a reply of the API.
type Answer struct {
	Status int
	Body   []byte
}

// Decode reads the body as JSON.
func (a Answer) Decode(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return fmt.Errorf("HTTP %d: %w: %.300s", a.Status, err, a.Body)
	}
	return nil
}

// Do sends one request. An error means that no whole answer came: what was asked may have been done.
func (c Client) Do(ctx context.Context, method, path string, body any, header ...string) (Answer, error) {
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, r)
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	return Answer{Status: resp.StatusCode, Body: raw}, err
}

// Seg is what the tests read of a segnalazione.
type Seg struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Version uint64 `json:"version"`
	Posts   []Post `json:"posts"`
}

// Post is what the tests read of a post.
type Post struct {
	ID           string    `json:"id"`
	Segnalazione string    `json:"segnalazione"`
	Channel      string    `json:"channel"`
	State        string    `json:"state"`
	Cause        string    `json:"cause"`
	Problem      string    `json:"problem"`
	Due          time.Time `json:"due"`
	Attempts     int       `json:"attempts"`
	Link         string    `json:"link"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
	Total int    `json:"total"`
}

// Submit sends one segnalazione under a key, again and again until an answer comes.
func (c Client) Submit(ctx context.Context, doc any, key string) (Seg, error) {
	var seg Seg
	a, err := c.insist(ctx, http.MethodPost, "/api/v1/segnalazioni", doc, "Idempotency-Key", key)
	if err != nil {
		return seg, err
	}
	if a.Status != http.StatusCreated && a.Status != http.StatusOK {
		return seg, fmt.Errorf("submit: HTTP %d: %s", a.Status, a.Body)
	}
	return seg, a.Decode(&seg)
}

// Approve says yes to a version; at zero means as soon as the channels allow.
func (c Client) Approve(ctx context.Context, seg Seg, at time.Time) error {
	body := map[string]any{"version": seg.Version}
	if !at.IsZero() {
		body["at"] = at.Format(time.RFC3339Nano)
	}
	a, err := c.insist(ctx, http.MethodPost, "/api/v1/segnalazioni/"+seg.ID+"/approve", body)
	if err != nil {
		return err
	}
	// After a lost answer the first request may have been carried out: then the page is stale.
	if a.Status == http.StatusOK || a.Status == http.StatusConflict {
		return nil
	}
	return fmt.Errorf("approve: HTTP %d: %s", a.Status, a.Body)
}

// Posts lists all posts of a query, page by page.
func (c Client) Posts(ctx context.Context, query url.Values) ([]Post, error) {
	q := url.Values{"limit": {"200"}}
	for k, v := range query {
		q[k] = v
	}
	var all []Post
	for {
		a, err := c.insist(ctx, http.MethodGet, "/api/v1/posts?"+q.Encode(), nil)
		if err != nil {
			return nil, err
		}
		if a.Status != http.StatusOK {
			return nil, fmt.Errorf("posts: HTTP %d: %s", a.Status, a.Body)
		}
		var page Page[Post]
		if err := a.Decode(&page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// insist repeats a request while the house is away or busy: all requests made with it may be repeated.
func (c Client) insist(ctx context.Context, method, path string, body any, header ...string) (Answer, error) {
	for {
		a, err := c.Do(ctx, method, path, body, header...)
		if err == nil && a.Status != http.StatusServiceUnavailable {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("%s %s: %w (last: HTTP %d %w)", method, path, ctx.Err(), a.Status, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
