// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/wait"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Client speaks the house's API with one token.
type Client struct {
	URL   string
	Token string
	HTTP  *http.Client
}

// Call is one request.
type Call struct {
	Method, Path string
	Query        url.Values
	Body         any    // marshalled; []byte as it is; nil: none
	Key          string // Idempotency-Key; empty: a new one, so that a repeat after a lost answer is harmless
	Status       *int   // where the answer's status is wanted
}

// Refusal is an answer of the API that says no.
type Refusal struct {
	Status   int                  `json:"status"`
	Code     string               `json:"code"`
	Detail   string               `json:"detail"`
	Problems []palinsesto.Problem `json:"problems"`
	after    time.Duration        // Retry-After
}

// Error gives the sentence and each reason on a line of its own.
func (r *Refusal) Error() string {
	lines := []string{r.Detail}
	for _, p := range r.Problems {
		lines = append(lines, "- "+Line(p))
	}
	return strings.Join(lines, "\n")
}

// Line is a problem as one line: field: reason [CODE].
func Line(p palinsesto.Problem) string {
	text := p.Text + " [" + p.Code + "]"
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	return text
}

const (
	tries      = 6
	firstWait  = 200 * time.Millisecond
	longWait   = 10 * time.Second
	answerMost = 64 << 20
)

// Do sends a request and reads the answer into out, which may be nil. While the house says that it is
// busy or gives no answer, the same is sent again: the key keeps it from being done twice.
func (c *Client) Do(ctx context.Context, call Call, out any) error {
	body, err := encode(call.Body)
	if err != nil {
		return err
	}
	if call.Key == "" && call.Method != http.MethodGet {
		call.Key = rand.Text()
	}
	for try := 0; ; try++ {
		raw, err := c.once(ctx, call, "application/json", bytes.NewReader(body), int64(len(body)))
		if err == nil {
			return decode(raw, out)
		}
		pause, again := worthAnother(err, try)
		if !again || try+1 >= tries || !wait.For(ctx, pause) {
			return err
		}
	}
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	default:
		return json.Marshal(b)
	}
}

func decode(raw []byte, out any) error {
	if out == nil || len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("la risposta non si capisce: è davvero Palinsesto? (unreadable answer): %w", err)
	}
	return nil
}

// worthAnother: busy, too many requests, or no answer at all.
func worthAnother(err error, try int) (time.Duration, bool) {
	wait := firstWait << try
	var r *Refusal
	if errors.As(err, &r) {
		again := r.Status == http.StatusServiceUnavailable || r.Status == http.StatusTooManyRequests
		return min(max(wait, r.after), longWait), again
	}
	var u *url.Error
	return min(wait, longWait), errors.As(err, &u) && !errors.Is(err, context.Canceled)
}

// once sends one request.
func (c *Client) once(ctx context.Context, call Call, kind string, body io.Reader, size int64) ([]byte, error) {
	address := strings.TrimRight(c.URL, "/") + call.Path
	if len(call.Query) > 0 {
		address += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.Method, address, body)
	if err != nil {
		return nil, fmt.Errorf("indirizzo non valido: controllare --url o PALINSESTO_URL (bad address): %w", err)
	}
	req.ContentLength = size
	if size == 0 {
		req.Body = http.NoBody
	} else {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if call.Key != "" {
		req.Header.Set("Idempotency-Key", call.Key)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("la casa non risponde a %s: è in funzione? (no answer): %w", c.URL, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if err != nil {
		return nil, &url.Error{Op: call.Method, URL: c.URL, Err: err}
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, refusal(resp, raw)
	}
	if call.Status != nil {
		*call.Status = resp.StatusCode
	}
	return raw, nil
}

func refusal(resp *http.Response, raw []byte) error {
	r := &Refusal{}
	if err := json.Unmarshal(raw, r); err != nil || r.Detail == "" {
		r.Detail = fmt.Sprintf("Risposta inattesa (unexpected answer): %s", resp.Status)
	}
	r.Status = resp.StatusCode
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(s) * time.Second
	}
	return r
}
