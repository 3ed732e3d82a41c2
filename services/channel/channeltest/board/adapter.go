// SPDX-License-Identifier: AGPL-3.0-or-later

package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/channel/wire"
	"github.com/palinsesto/palinsesto/services/network"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Channel is the adapter.
type Channel struct {
	base, token string
	wire        *wire.Transport
}

var (
	_ channel.Channel       = (*Channel)(nil)
	_ channel.Remover       = (*Channel)(nil)
	_ channel.Checker       = (*Channel)(nil)
	_ channel.Finder        = (*Channel)(nil)
	_ channel.KeyedResender = (*Channel)(nil)
)

// New makes an adapter for the API at base.
func New(base, token string, t *wire.Transport) *Channel {
	return &Channel{base: base, token: token, wire: t}
}

// Limits of the board.
func (c *Channel) Limits() network.Limits {
	return network.Limits{Unit: network.Runes, Text: textMost, Caption: textMost, Album: 4}
}

// request is one prepared call; what prints it shows no token, since it has none.
type request struct{ body []byte }

// causes are what the adapter comes to.
var causes = map[string]struct {
	verdict channel.Verdict
	text    string
}{
	"not_prepared": {channel.Permanent, "La richiesta alla bacheca non era pronta. " + wire.NotDone + " È un errore del programma: segnalarlo."},
	"too_long":     {channel.Permanent, "Per la bacheca il testo è troppo lungo. " + wire.NotDone + " Accorciare il testo e farlo approvare di nuovo."},
	"changed":      {channel.Permanent, "Il file nell'archivio non è quello approvato. " + wire.NotDone + " Caricarlo di nuovo e farlo approvare."},
	"unreadable":   {channel.NotSent, "Il file da pubblicare non si legge dall'archivio. " + wire.NotDone + " Il sistema riprova da solo."},
	"no_ids":       {channel.Permanent, "Del messaggio sulla bacheca non si conosce il numero. Se è sul canale, toglierlo a mano."},
	"unauthorized": {channel.Reconnect, "La bacheca non accetta il token. I post di questo canale aspettano: metterne uno valido."},
	"rate":         {channel.RetryAfter, "La bacheca chiede di rallentare. " + wire.NotDone + " Il sistema riprova da solo fra poco."},
	"refused":      {channel.Permanent, "La bacheca ha rifiutato la richiesta. " + wire.NotDone + " Leggere la risposta qui accanto e correggere."},
	"odd":          {channel.Unknown, "La risposta della bacheca non si capisce o è un suo errore. " + wire.MaybeDone},
}

func fail(act wire.Act, cause string, err error) *channel.Error {
	return &channel.Error{Verdict: causes[cause].verdict, Cause: Network + "." + cause, Text: act.Say(causes[cause].text), Err: err}
}

// Prepare fetches the media and builds the one request.
func (c *Channel) Prepare(ctx context.Context, d channel.Delivery) (channel.Prepared, error) {
	if utf8.RuneCountInString(d.Part.Text) > textMost {
		return channel.Prepared{}, fail(wire.Publishing, "too_long", nil)
	}
	m := message{Text: d.Part.Text, Media: []string{}, ReplyTo: d.ReplyTo}
	for _, file := range d.Part.Media {
		raw, err := fetch(ctx, d, file)
		if err != nil {
			return channel.Prepared{}, err
		}
		m.Media = append(m.Media, base64.StdEncoding.EncodeToString(raw))
	}
	body, err := json.Marshal(m)
	if err != nil {
		return channel.Prepared{}, fail(wire.Publishing, "not_prepared", err)
	}
	return channel.Prepared{Delivery: d, Data: &request{body}}, nil
}

func fetch(ctx context.Context, d channel.Delivery, m palinsesto.Media) ([]byte, error) {
	f, err := d.Open(ctx, m.Hash)
	if err != nil {
		return nil, fail(wire.Publishing, "unreadable", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, m.Bytes+1))
	if err != nil {
		return nil, fail(wire.Publishing, "unreadable", err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != m.Hash {
		return nil, fail(wire.Publishing, "changed", nil)
	}
	return raw, nil
}

// call makes one request and judges its answer.
func (c *Channel) call(ctx context.Context, act wire.Act, method, path string, body []byte, key string, want int) (wire.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return wire.Answer{}, fail(act, "not_prepared", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	a, err := c.wire.Do(ctx, req)
	if err != nil {
		return a, wire.Call{Network: "Bacheca", Prefix: Network, Act: act, Secrets: []string{c.token}}.Failed(a, err)
	}
	switch {
	case a.Status == want:
		return a, nil
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return a, c.said(act, a, "unauthorized", nil)
	case a.Status == http.StatusTooManyRequests:
		e := c.said(act, a, "rate", nil)
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil && n > 0 {
			e.After = time.Duration(n) * time.Second
			return a, e
		}
		return a, c.said(act, a, "odd", nil)
	case a.Status >= 400 && a.Status < 500 && json.Valid(a.Body):
		return a, c.said(act, a, "refused", nil)
	default:
		return a, c.said(act, a, "odd", nil)
	}
}

func (c *Channel) said(act wire.Act, a wire.Answer, cause string, err error) *channel.Error {
	e := fail(act, cause, wire.Quiet(err, c.token))
	e.Status, e.Raw = a.Status, c.raw(a)
	return e
}

func (c *Channel) raw(a wire.Answer) string { return wire.Raw(string(a.Body), c.token) }

// Publish makes the one request, under the delivery's key.
func (c *Channel) Publish(ctx context.Context, p channel.Prepared) (channel.Receipt, error) {
	r, ok := p.Data.(*request)
	if !ok {
		return channel.Receipt{}, fail(wire.Publishing, "not_prepared", nil)
	}
	a, err := c.call(ctx, wire.Publishing, http.MethodPost, "/v1/messages", r.body, p.Delivery.Key, http.StatusCreated)
	if err != nil {
		return channel.Receipt{}, err
	}
	var m message
	if err := json.Unmarshal(a.Body, &m); err != nil {
		return channel.Receipt{}, c.said(wire.Publishing, a, "odd", err)
	}
	return c.receipt(wire.Publishing, a, m)
}

var errIncomplete = errors.New("board: a message without id or time")

func (c *Channel) receipt(act wire.Act, a wire.Answer, m message) (channel.Receipt, error) {
	at, err := time.Parse(time.RFC3339, m.At)
	if err != nil || m.ID == "" {
		return channel.Receipt{}, c.said(act, a, "odd", errors.Join(errIncomplete, err))
	}
	raw, err := json.Marshal(map[string]string{"id": m.ID, "at": m.At})
	return channel.Receipt{RemoteIDs: []string{m.ID}, Link: m.Link, At: at, Status: a.Status, Raw: wire.Raw(string(raw), c.token)}, err
}

// Remove takes it down.
func (c *Channel) Remove(ctx context.Context, t channel.Target) error {
	if len(t.RemoteIDs) == 0 {
		return fail(wire.Changing, "no_ids", nil)
	}
	_, err := c.call(ctx, wire.Changing, http.MethodDelete, "/v1/messages/"+url.PathEscape(t.RemoteIDs[0]), nil, "", http.StatusNoContent)
	return err
}

// Check asks something that only who may publish is told.
func (c *Channel) Check(ctx context.Context) error {
	_, err := c.KeyLasts(ctx)
	return err
}

// KeyLasts is what the server says of itself: not every one of this kind honours keys.
func (c *Channel) KeyLasts(ctx context.Context) (time.Duration, error) {
	a, err := c.call(ctx, wire.Looking, http.MethodGet, "/v1/about", nil, "", http.StatusOK)
	if err != nil {
		return 0, err
	}
	var about struct {
		Lasts *int `json:"keys_last"`
	}
	if err := json.Unmarshal(a.Body, &about); err != nil || about.Lasts == nil {
		return 0, c.said(wire.Looking, a, "odd", err)
	}
	return time.Duration(*about.Lasts) * time.Second, nil
}

// pagesMost bounds a list that does not end.
const pagesMost = 200

// Find reads the list to its end: of one that breaks off nothing is believed.
func (c *Channel) Find(ctx context.Context, s channel.Sought) ([]channel.Receipt, error) {
	var hashes []string
	for _, m := range s.Delivery.Part.Media {
		hashes = append(hashes, m.Hash)
	}
	var found []channel.Receipt
	after := ""
	for range pagesMost {
		path := fmt.Sprintf("/v1/messages?since=%s&after=%s", url.QueryEscape(s.Since.UTC().Format(time.RFC3339)), url.QueryEscape(after))
		a, err := c.call(ctx, wire.Looking, http.MethodGet, path, nil, "", http.StatusOK)
		if err != nil {
			return nil, err
		}
		var list struct {
			Messages *[]message `json:"messages"` // an answer without it is no empty list
			More     bool       `json:"more"`
		}
		if err := json.Unmarshal(a.Body, &list); err != nil || list.Messages == nil {
			return nil, c.said(wire.Looking, a, "odd", err)
		}
		for _, m := range *list.Messages {
			r, err := c.receipt(wire.Looking, a, m)
			if err != nil {
				return nil, err
			}
			if m.Text == s.Delivery.Part.Text && m.ReplyTo == s.Delivery.ReplyTo && slices.Equal(m.Media, hashes) {
				found = append(found, r)
			}
			after = m.ID
		}
		if !list.More {
			return found, nil
		}
	}
	return nil, fail(wire.Looking, "odd", nil)
}
