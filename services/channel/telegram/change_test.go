// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"net/http"
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func TestEdit(t *testing.T) {
	s := store{}
	one, two, three := s.put("image", "image/jpeg", "1"), s.put("image", "image/jpeg", "2"), s.put("video", "video/mp4", "3")
	type call struct {
		method string
		form   map[string]string
	}
	media := func(ms ...palinsesto.Media) palinsesto.Part { return palinsesto.Part{Text: "nuovo", Media: ms} }
	for name, c := range map[string]struct {
		was, to palinsesto.Part
		ids     []string
		calls   []call
		cause   string
	}{
		"text": {palinsesto.Part{Text: "vecchio"}, palinsesto.Part{Text: "nuovo", Preview: true}, []string{"7"},
			[]call{{"editMessageText", map[string]string{"message_id": "7", "text": "nuovo"}}}, ""},
		"caption": {media(one), media(one), []string{"7"},
			[]call{{"editMessageCaption", map[string]string{"message_id": "7", "caption": "nuovo"}}}, ""},
		"no caption any more": {media(one), palinsesto.Part{Media: []palinsesto.Media{one}}, []string{"7"},
			[]call{{"editMessageCaption", map[string]string{"message_id": "7"}}}, ""},
		"picture": {media(one), media(two), []string{"7"},
			[]call{{"editMessageMedia", map[string]string{"message_id": "7", "media": `{"type":"photo","media":"attach://file-0","caption":"nuovo"}`}}}, ""},
		"one of an album": {media(one, two), media(one, three), []string{"7", "8"},
			[]call{{"editMessageCaption", map[string]string{"message_id": "7", "caption": "nuovo"}},
				{"editMessageMedia", map[string]string{"message_id": "8", "media": `{"type":"video","media":"attach://file-1","width":640,"height":480,"supports_streaming":true}`}}}, ""},
		"more pictures":       {media(one), media(one, two), []string{"7"}, nil, "cannot_edit"},
		"a text to a picture": {palinsesto.Part{Text: "a"}, media(one), []string{"7"}, nil, "cannot_edit"},
		"fewer ids":           {media(one, two), media(one, three), []string{"7"}, nil, "cannot_edit"},
		"no ids":              {media(one), media(one), nil, nil, "no_ids"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			ch := newChannel(t, a.URL)
			p, err := ch.Prepare(t.Context(), channel.Delivery{Open: s.open, Part: c.to})
			require.NoError(t, err)
			err = ch.Edit(t.Context(), channel.Target{RemoteIDs: c.ids, Part: c.was}, p)
			if c.cause != "" {
				requireError(t, err, channel.Permanent, c.cause)
				require.Empty(t, a.asked)
				return
			}
			require.NoError(t, err)
			require.Len(t, a.asked, len(c.calls))
			for i, want := range c.calls {
				want.form["chat_id"] = "@cpi_prova"
				require.Equal(t, want.method, path.Base(a.asked[i].path))
				require.Equal(t, want.form, a.asked[i].form)
			}
		})
	}
}

func TestEditAnswers(t *testing.T) {
	a := newAPI(t)
	ch := newChannel(t, a.URL)
	p, err := ch.Prepare(t.Context(), channel.Delivery{Part: palinsesto.Part{Text: "a"}})
	require.NoError(t, err)
	edit := func(status int, answer string) error {
		a.say(status, answer)
		return ch.Edit(t.Context(), channel.Target{RemoteIDs: []string{"7"}, Part: palinsesto.Part{Text: "b"}}, p)
	}
	require.NoError(t, edit(400, no(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same", "")))
	requireError(t, edit(400, no(400, "Bad Request: message to edit not found", "")), channel.Permanent, "edit_not_found")
	requireError(t, edit(400, no(400, "Bad Request: message can't be edited", "")), channel.Permanent, "cannot_edit")
	e := requireError(t, edit(502, front), channel.Unknown, "server_error")
	require.NotContains(t, e.Text, "prima di mandarlo di nuovo", "the words of a publication")
	requireError(t, ch.Edit(t.Context(), channel.Target{}, channel.Prepared{}), channel.Permanent, "not_prepared")
}

func TestRemove(t *testing.T) {
	a := newAPI(t)
	ch := newChannel(t, a.URL)
	remove := func(status int, answer string, ids ...string) error {
		a.say(status, answer)
		return ch.Remove(t.Context(), channel.Target{RemoteIDs: ids})
	}
	const done = `{"ok":true,"result":true}`
	require.NoError(t, remove(200, done, "7"))
	require.Equal(t, "deleteMessage", path.Base(a.only(t).path))
	require.Equal(t, map[string]string{"chat_id": "@cpi_prova", "message_id": "7"}, a.only(t).form)
	require.NoError(t, remove(200, done, "7", "8"))
	require.Equal(t, "deleteMessages", path.Base(a.only(t).path))
	require.Equal(t, map[string]string{"chat_id": "@cpi_prova", "message_ids": "[7,8]"}, a.only(t).form)

	require.NoError(t, remove(400, no(400, "Bad Request: message to delete not found", ""), "7"))
	requireError(t, remove(400, no(400, "Bad Request: message can't be deleted", ""), "7"), channel.Permanent, "cannot_delete")
	requireError(t, remove(200, done), channel.Permanent, "no_ids")
	e := requireError(t, remove(500, no(500, "Internal Server Error", ""), "7"), channel.Unknown, "server_error")
	require.Contains(t, e.Text, "Ripetere non fa danno")
}

func TestCheck(t *testing.T) {
	member := ""
	srv := newAPI(t)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path.Base(r.URL.Path) {
		case "getMe":
			_, _ = w.Write([]byte(`{"ok":true,"result":{"id":123456789,"is_bot":true}}`))
		case "getChatMember":
			if r.FormValue("user_id") != "123456789" || r.FormValue("chat_id") != "@cpi_prova" {
				member = "wrong"
			}
			_, _ = w.Write([]byte(`{"ok":true,"result":` + member + `}`))
		}
	})
	ch := newChannel(t, srv.URL)
	for said, cause := range map[string]string{
		`{"status":"creator"}`:                                  "",
		`{"status":"administrator","can_post_messages":true}`:   "",
		`{"status":"administrator","can_post_messages":false}`:  "no_rights",
		`{"status":"left"}`:                                     "no_rights",
		`{"status":"kicked","can_post_messages":true}`:          "no_rights",
		`{"status":"restricted","is_member":true,"until":1e99}`: "no_rights",
	} {
		member = said
		err := ch.Check(t.Context())
		if cause == "" {
			require.NoError(t, err, said)
			continue
		}
		requireError(t, err, channel.Reconnect, cause)
	}
	member = `[]`
	requireError(t, ch.Check(t.Context()), channel.Unknown, "unreadable")

	away := newAPI(t)
	away.say(401, no(401, "Unauthorized", ""))
	requireError(t, newChannel(t, away.URL).Check(t.Context()), channel.Reconnect, "unauthorized")
}
