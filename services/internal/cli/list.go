// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// pageMost is the API's largest page.
const pageMost = 200

// Search narrows a list by words and by days.
type Search struct {
	Text string `help:"Parole che ci devono essere tutte, anche dentro altre; maiuscole e accenti non contano (words that must all be in it)." placeholder:"PAROLE"`
	From string `help:"Dal giorno, o dal momento (from a day or moment on)." placeholder:"2026-11-22"`
	To   string `help:"Fino al giorno compreso, o al momento (up to a day, included, or a moment)." placeholder:"2026-11-30"`
}

// query gathers what is asked of a list.
func (s Search) query(more map[string]string) url.Values {
	q := url.Values{}
	for k, v := range more {
		if v != "" {
			q.Set(k, v)
		}
	}
	for k, v := range map[string]string{"text": s.Text, "from": s.From, "to": s.To} {
		if v != "" {
			q.Set(k, v)
		}
	}
	return q
}

// listing is what was read of a list, and what is known of the rest.
type listing struct {
	Items []json.RawMessage `json:"items"`
	Total *int              `json:"total"`
	More  bool              `json:"more"`
}

// list reads pages until there are as many as were asked for. A page may be empty and yet have a next.
func (r *Run) list(client *Client, path string, q url.Values, most int) (listing, error) {
	out := listing{Items: []json.RawMessage{}, More: true}
	for out.More && len(out.Items) < most {
		q.Set("limit", strconv.Itoa(min(pageMost, most-len(out.Items))))
		var page struct {
			Items []json.RawMessage
			Next  string
			Total *int
		}
		if err := client.Do(r.Ctx, Call{Method: http.MethodGet, Path: path, Query: q}, &page); err != nil {
			return out, err
		}
		out.Items, out.More, out.Total = append(out.Items, page.Items...), page.Next != "", page.Total
		q.Set("cursor", page.Next)
	}
	return out, nil
}

// listed prints a list: the table, and what it leaves out.
func (r *Run) listed(l listing, none string, table func([]json.RawMessage) error) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return r.answer(raw, func() error {
		if len(l.Items) == 0 {
			return r.say("%s", none)
		}
		if err := table(l.Items); err != nil || !l.More {
			return err
		}
		of := ""
		if l.Total != nil {
			of = fmt.Sprintf(" di %d", *l.Total)
		}
		return r.say("I primi %d%s; gli altri con --limit (there are more: --limit).", len(l.Items), of)
	})
}
