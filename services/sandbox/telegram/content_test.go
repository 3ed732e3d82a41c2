// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFiles(t *testing.T) {
	small := picture(t, 40, 30)
	for name, c := range map[string]struct {
		kind string
		data []byte
		want string // refusal, or empty
	}{
		"photo":          {"photo", small, ""},
		"no picture":     {"photo", []byte("ciao"), "Bad Request: IMAGE_PROCESS_FAILED"},
		"cut in header":  {"photo", small[:12], "Bad Request: IMAGE_PROCESS_FAILED"},
		"empty":          {"photo", nil, "Bad Request: file must be non-empty"},
		"too wide":       {"photo", header(9990, 500), "Bad Request: PHOTO_INVALID_DIMENSIONS"},
		"just fits":      {"photo", header(9500, 500), ""},
		"too thin":       {"photo", header(2001, 100), "Bad Request: PHOTO_INVALID_DIMENSIONS"},
		"ratio of 20":    {"photo", header(2000, 100), ""},
		"video":          {"video", movie, ""},
		"no video":       {"video", []byte("ftypisom"), "Bad Request: VIDEO_CONTENT_TYPE_INVALID"},
		"document":       {"document", []byte("1\n00:00"), ""},
		"document empty": {"document", nil, "Bad Request: file must be non-empty"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			method := "send" + strings.ToUpper(c.kind[:1]) + c.kind[1:]
			status, body := w.files(method, map[string]string{"chat_id": channel}, map[string][]byte{c.kind: c.data})
			if c.want != "" {
				require.Equal(t, refusal(400, c.want), body)
				require.Empty(t, w.s.Wall())
				return
			}
			require.Equal(t, 200, status, body)
			item := w.s.Wall()[0]
			require.Equal(t, c.kind, item.Kind)
			require.Equal(t, len(c.data), item.Media[0].Bytes)
			stored, err := w.s.Media(item.Media[0].SHA256)
			require.NoError(t, err)
			require.NoError(t, stored.Close())
		})
	}
}

func TestPhotoOverTheLimit(t *testing.T) {
	_, err := inspect("photo", file{data: append(header(4, 3), make([]byte, maxPhoto)...)})
	require.EqualError(t, err, "Bad Request: file is too big")
}

func TestFileOverTheLimitOfUploads(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxFile = 1000 })
	status, _ := w.files("sendDocument", map[string]string{"chat_id": channel}, map[string][]byte{"document": make([]byte, 1000)})
	require.Equal(t, 200, status)
	status, body := w.files("sendDocument", map[string]string{"chat_id": channel}, map[string][]byte{"document": make([]byte, 1001)})
	require.Equal(t, 413, status)
	require.Equal(t, refusal(413, "Request Entity Too Large"), body)
	w = newWorld(t, func(o *Options) { o.MaxBody = 1000 })
	status, _ = w.files("sendDocument", map[string]string{"chat_id": channel}, map[string][]byte{"document": make([]byte, 2000)})
	require.Equal(t, 413, status)
}

func TestPhotoAgainByFileID(t *testing.T) {
	w := newWorld(t, nil)
	_, body := w.files("sendPhoto", map[string]string{"chat_id": channel}, map[string][]byte{"photo": picture(t, 4, 3)})
	var answer struct{ Result message }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Len(t, answer.Result.Photo, 1)
	require.Equal(t, 4, answer.Result.Photo[0].Width)
	w.ok("sendPhoto", "chat_id", channel, "photo", answer.Result.Photo[0].FileID)
	require.Equal(t, w.s.Wall()[0].Media, w.s.Wall()[1].Media)
}

func TestPhotoByAddress(t *testing.T) {
	photo := picture(t, 4, 3)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a.png":
			_, _ = w.Write(photo)
		case "/page":
			_, _ = w.Write([]byte("<html>"))
		case "/away":
			http.Redirect(w, r, "/a.png", http.StatusFound)
		case "/big":
			_, _ = w.Write(make([]byte, maxPhotoByURL+1))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(web.Close)
	for path, want := range map[string]string{
		"/a.png": "", "/page": "Bad Request: wrong type of the web page content", "/none": "Bad Request: failed to get HTTP URL content",
		"/away": "Bad Request: failed to get HTTP URL content", "/big": "Bad Request: file is too big",
	} {
		w := newWorld(t, nil)
		status, body := w.call("sendPhoto", "chat_id", channel, "photo", web.URL+path)
		if want == "" {
			require.Equal(t, 200, status, body)
			require.Equal(t, "a.png", w.s.Wall()[0].Media[0].Name)
			continue
		}
		require.Equal(t, refusal(400, want), body)
	}
	// A name that looks local but resolves elsewhere is stopped at the dial.
	_, err := loopbackClient().Get("http://192.0.2.1/")
	require.ErrorContains(t, err, "is not loopback")
}

func TestAlbum(t *testing.T) {
	w := newWorld(t, nil)
	media := `[{"type":"photo","media":"attach://a","caption":"<i>didascalia</i>","parse_mode":"HTML"},{"type":"video","media":"attach://b","width":640,"height":360,"caption_entities":null}]`
	status, body := w.files("sendMediaGroup", map[string]string{"chat_id": channel, "media": media, "disable_notification": "true"},
		map[string][]byte{"a": picture(t, 4, 3), "b": movie})
	require.Equal(t, 200, status, body)
	var answer struct{ Result []message }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Len(t, answer.Result, 2)
	require.Equal(t, int64(1), answer.Result[0].MessageID)
	require.Equal(t, int64(2), answer.Result[1].MessageID)
	require.NotEmpty(t, answer.Result[0].MediaGroupID)
	require.Equal(t, answer.Result[0].MediaGroupID, answer.Result[1].MediaGroupID)
	wall := w.s.Wall()
	require.Equal(t, "didascalia", wall[0].Text)
	require.True(t, wall[0].Silent && wall[1].Silent)
	require.Equal(t, 640, wall[1].Media[0].Width)

	for name, bad := range map[string]struct{ media, want string }{
		"mixed":      {`[{"type":"document","media":"attach://a"},{"type":"photo","media":"attach://a"}]`, "Bad Request: document can't be mixed with other media types in an album"},
		"mixed last": {`[{"type":"photo","media":"attach://a"},{"type":"document","media":"attach://a"}]`, "Bad Request: photo can't be mixed with other media types in an album"},
		"eleven":     {"[" + strings.Repeat(`{"type":"photo","media":"attach://a"},`, 10) + `{"type":"photo","media":"attach://a"}]`, "Bad Request: album must have from 2 to 10 items"},
		"missing":    {`[{"type":"photo","media":"attach://a"},{"type":"photo","media":"attach://z"}]`, "Bad Request: there is no photo in the request"},
		"no media":   {`[{"type":"photo"},{"type":"photo"}]`, "Bad Request: media not found"},
		"kind":       {`[{"type":"x","media":"a"},{"type":"x","media":"a"}]`, "Bad Request: can't parse InputMedia: type \"x\" is unsupported"},
		"caption":    {`[{"type":"photo","media":"attach://a","caption":"` + strings.Repeat("x", 1025) + `"},{"type":"photo","media":"attach://a"}]`, "Bad Request: message caption is too long"},
		"no list":    {`{}`, "Bad Request: can't parse media JSON object"},
	} {
		_, body := w.files("sendMediaGroup", map[string]string{"chat_id": channel, "media": bad.media}, map[string][]byte{"a": picture(t, 4, 3)})
		require.Equal(t, refusal(400, bad.want), body, name)
	}
	require.Len(t, w.s.Wall(), 2, "an album goes out whole or not at all")
}

func TestEditsAndDeletes(t *testing.T) {
	w := newWorld(t, nil)
	w.ok("sendMessage", "chat_id", channel, "text", "uno")
	w.files("sendPhoto", map[string]string{"chat_id": channel, "caption": "foto"}, map[string][]byte{"photo": picture(t, 4, 3)})
	w.pass(time.Minute)
	result := w.ok("editMessageText", "chat_id", channel, "message_id", "1", "text", "UNO")
	require.InDelta(t, noon.Add(time.Minute).Unix(), result["edit_date"], 0)
	w.ok("editMessageCaption", "chat_id", channel, "message_id", "2", "caption", "altra")
	status, body := w.files("editMessageMedia", map[string]string{"chat_id": channel, "message_id": "2", "media": `{"type":"photo","media":"attach://n","caption":"nuova"}`},
		map[string][]byte{"n": picture(t, 8, 6)})
	require.Equal(t, 200, status, body)
	wall := w.s.Wall()
	require.Equal(t, "UNO", wall[0].Text)
	require.Equal(t, "nuova", wall[1].Text)
	require.Equal(t, 8, wall[1].Media[0].Width)

	status, body = w.call("deleteMessage", "chat_id", channel, "message_id", "1")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"ok":true,"result":true}`, body)
	require.True(t, w.s.Wall()[0].Deleted)
	status, _ = w.call("editMessageText", "chat_id", channel, "message_id", "1", "text", "x")
	require.Equal(t, 400, status)
	require.InDelta(t, 3, w.ok("sendMessage", "chat_id", channel, "text", "tre")["message_id"], 0, "deleted ids stay gaps")

	status, _ = w.call("deleteMessages", "chat_id", channel, "message_ids", "[1,2,77]")
	require.Equal(t, 200, status)
	require.True(t, w.s.Wall()[1].Deleted)
}

func TestDeleteAfter48Hours(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		w := newWorld(t, func(o *Options) { o.AdminDeletesOld = allowed })
		w.ok("sendMessage", "chat_id", channel, "text", "vecchio")
		w.pass(48 * time.Hour)
		status, body := w.call("deleteMessages", "chat_id", channel, "message_ids", "[1]")
		require.Equal(t, allowed, status == 200, body)
		if !allowed {
			_, body = w.call("deleteMessage", "chat_id", channel, "message_id", "1")
			require.Equal(t, refusal(400, "Bad Request: message can't be deleted"), body)
			w.ok("editMessageText", "chat_id", channel, "message_id", "1", "text", "mai troppo tardi")
		}
		require.Equal(t, allowed, w.s.Wall()[0].Deleted)
	}
}

func TestForwardAndCopyReadBack(t *testing.T) {
	w := newWorld(t, nil)
	w.ok("sendMessage", "chat_id", channel, "text", "uno")
	w.pass(time.Hour)
	forwarded := w.ok("forwardMessage", "chat_id", "-1002", "from_chat_id", channel, "message_id", "1")
	origin := forwarded["forward_origin"].(map[string]any)
	require.Equal(t, "channel", origin["type"])
	require.InDelta(t, 1, origin["message_id"], 0)
	require.InDelta(t, noon.Unix(), origin["date"], 0)
	require.Equal(t, "uno", forwarded["text"])
	require.Equal(t, map[string]any{"message_id": 2.0}, w.ok("copyMessage", "chat_id", "-1002", "from_chat_id", channel, "message_id", "1"))
	require.Empty(t, w.s.Wall()[2].ForwardOf)
}

func TestReplyIsLinked(t *testing.T) {
	w := newWorld(t, nil)
	w.ok("sendMessage", "chat_id", channel, "text", "foto")
	reply := w.ok("sendMessage", "chat_id", channel, "text", "testo", "reply_parameters", `{"message_id":1}`)
	require.Equal(t, "foto", reply["reply_to_message"].(map[string]any)["text"])
	require.Equal(t, "1", w.s.Wall()[1].ReplyTo)
	w.ok("sendMessage", "chat_id", channel, "text", "x", "reply_to_message_id", "9", "allow_sending_without_reply", "true")
	require.Empty(t, w.s.Wall()[2].ReplyTo)
}
