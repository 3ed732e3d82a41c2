// SPDX-License-Identifier: AGPL-3.0-or-later

package sandbox

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// shownItems is how many messages of a channel the page shows unless ?limit= says otherwise.
const (
	shownItems = 30
	maxShown   = 2000
	refreshing = 10 // seconds
)

var page = template.Must(template.New("wall.html").Funcs(template.FuncMap{
	"rich": renderText, "count": countWord, "size": sizeWord, "picture": pictureText,
}).ParseFS(assets, "assets/wall.html"))

type pageData struct {
	Channels []pageChannel
	Faults   []Fault
	Total    int
	Only     string // the one account that is shown
	Refresh  int    // seconds, 0: the reader reloads
	Now      string
	Links    pageLinks
}

type pageLinks struct{ Reload, Auto, All string }

type pageChannel struct {
	Account
	Messages []pageMessage
	Count    int
	More     string // link to the rest
	Link     string
}

// pageMessage is what readers perceive as one message: an item, or the items of an album.
type pageMessage struct {
	Item
	Clock   string
	ISO     string
	Pieces  []Media
	Edited  string
	IDs     string
	IsAlbum bool
}

// Marked says whether there is anything to mark beside the text.
func (m pageMessage) Marked() bool {
	reply := m.ReplyTo != "" && m.Kind != "service"
	return m.Silent || m.Protected || m.Deleted || m.Pinned || m.IsAlbum || reply || m.Edited != "" || m.ForwardOf != ""
}

func (s *Sandbox) servePage(w http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	if err := page.Execute(&out, s.pageData(r)); err != nil {
		s.log.Error("sandbox: pagina del muro", "err", err)
		http.Error(w, "la pagina non si compone: vedere il registro", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func (s *Sandbox) pageData(r *http.Request) pageData {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 {
		limit = shownItems
	}
	data := pageData{Faults: s.faults.List(), Only: query.Get("account"), Now: s.moment(s.clock())}
	if query.Get("refresh") != "" {
		data.Refresh = refreshing
	}
	data.Channels = s.channels(s.selected(r), min(limit, maxShown), query.Get("network"), data.Only)
	for _, c := range data.Channels {
		data.Total += c.Count
	}
	data.Links = links(query)
	return data
}

// links are relative, so that the wall may lie under any path, and keep the reader's choice of channel.
func links(query url.Values) pageLinks {
	plain, auto := url.Values{}, url.Values{"refresh": {strconv.Itoa(refreshing)}}
	for _, name := range []string{"account", "network", "limit"} {
		if value := query.Get(name); value != "" {
			plain.Set(name, value)
			auto.Set(name, value)
		}
	}
	return pageLinks{Reload: "?" + plain.Encode(), Auto: "?" + auto.Encode(), All: "?"}
}

// channels groups items under the declared accounts, in their order, then under whatever else the wall has.
func (s *Sandbox) channels(items []Item, limit int, network, only string) []pageChannel {
	var channels []pageChannel
	at := map[[2]string]int{}
	add := func(a Account) {
		at[[2]string{a.Network, a.Name}] = len(channels)
		link := "?" + url.Values{"account": {a.Name}, "network": {a.Network}}.Encode()
		more := link + "&limit=" + strconv.Itoa(maxShown)
		channels = append(channels, pageChannel{Account: a, Link: link, More: more})
	}
	for _, a := range s.Accounts() {
		if (network == "" || a.Network == network) && (only == "" || only == a.Name || only == a.ID) {
			add(a)
		}
	}
	for _, item := range items {
		key := [2]string{item.Network, item.Account}
		if _, known := at[key]; !known {
			add(Account{Network: item.Network, Name: item.Account})
		}
		s.join(&channels[at[key]], item)
	}
	for i := range channels {
		slices.Reverse(channels[i].Messages)
		channels[i].Count = len(channels[i].Messages)
		channels[i].Messages = channels[i].Messages[:min(limit, channels[i].Count)]
	}
	return channels
}

// join adds an item to its channel, or to the album it belongs to.
func (s *Sandbox) join(c *pageChannel, item Item) {
	if last := len(c.Messages) - 1; last >= 0 && item.Album != "" && c.Messages[last].Album == item.Album {
		m := &c.Messages[last]
		m.IsAlbum = true
		m.Pieces = append(m.Pieces, item.Media...)
		m.IDs += ", " + item.ID
		if m.Text == "" {
			m.Text, m.Entities = item.Text, item.Entities
		}
		m.Deleted = m.Deleted && item.Deleted
		return
	}
	m := pageMessage{
		Item: item, Clock: s.moment(item.At), ISO: item.At.Format(time.RFC3339),
		Pieces: slices.Clone(item.Media), IDs: item.ID,
	}
	if item.EditedAt != nil {
		m.Edited = s.moment(*item.EditedAt)
	}
	c.Messages = append(c.Messages, m)
}

// moment writes a time as an Italian reader expects it.
func (s *Sandbox) moment(t time.Time) string { return t.In(s.zone).Format("02/01/2006, 15:04:05") }

func countWord(n int) string {
	if n == 1 {
		return "1 messaggio"
	}
	return fmt.Sprintf("%d messaggi", n)
}

func sizeWord(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	default:
		return fmt.Sprintf("%d byte", n)
	}
}

// pictureText describes a picture for who does not see it; networks without alternative text leave us only
// what is known of the file.
func pictureText(m Media) string {
	if m.Alt != "" {
		return m.Alt
	}
	return fmt.Sprintf("Immagine pubblicata, %d per %d pixel; la rete non porta un testo alternativo", m.Width, m.Height)
}
