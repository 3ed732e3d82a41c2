// SPDX-License-Identifier: AGPL-3.0-or-later

package telegram

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/palinsesto/palinsesto/services/channel"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// BenchmarkPublish is the adapter's share of a burst, against the same requests sent by a plain loop.
func BenchmarkPublish(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, posted)
	}))
	defer srv.Close()
	text := "Offerta di lavoro: 2 addette/i alla reception\n\nIl Centro per l'Impiego cerca due persone per la reception di un albergo."
	b.Run("adapter", func(b *testing.B) {
		c, err := New(Options{Token: func() (string, error) { return token, nil }, Target: "@cpi_prova", APIBase: srv.URL})
		if err != nil {
			b.Fatal(err)
		}
		d := channel.Delivery{Part: palinsesto.Part{Text: text, Spans: []palinsesto.Span{{Kind: "bold", Offset: 0, Length: 44}}}}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p, err := c.Prepare(b.Context(), d)
				if err == nil {
					_, err = c.Publish(b.Context(), p)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("plain loop", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				resp, err := client.PostForm(srv.URL+"/bot"+token+"/sendMessage", url.Values{"chat_id": {"@cpi_prova"}, "text": {text}})
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	})
}
