// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, doc, want string }{
		{"empty object", `{}`, ""},
		{"nulls", `{"centre":null,"title":null,"starts_at":null,"tags":null,"media":null,"media":null}`, "V-CAMPO media"},
		{"an empty date", `{"starts_at":""}`, ""},
		{"all wrong at once", `{"centre":1,"kind":true,"title":["a"],"body":{},"tags":"a","media":{"id":"b"},"wanted_channels":[1,null]}`,
			"V-TIPO centre,V-TIPO kind,V-TIPO title,V-TIPO body,V-TIPO tags,V-TIPO media,V-TIPO wanted_channels[0],V-TIPO wanted_channels[1]"},
		{"inside media", `{"media":[{"id":1,"nome":"a","alt":false,"alt":"b"},"c",null]}`,
			"V-TIPO media[0].id,V-CAMPO media[0].nome,V-TIPO media[0].alt,V-CAMPO media[0].alt,V-TIPO media[1],V-TIPO media[2]"},
		{"unknown", `{"titolo":"a","Title":"b"}`, "V-CAMPO titolo,V-CAMPO Title"},
		{"twice", `{"title":"a","title":"b"}`, "V-CAMPO title"},
		{"twice, escaped", `{"title":"a","titl\u0065":"b"}`, "V-CAMPO title"},
		{"day alone", `{"starts_at":"2026-12-15"}`, "V-TIPO starts_at"},
		{"no offset", `{"starts_at":"2026-12-15T09:30:00"}`, "V-TIPO starts_at"},
		{"space for T", `{"starts_at":"2026-12-15 09:30:00+01:00"}`, "V-TIPO starts_at"},
		{"no such day", `{"starts_at":"2026-02-29T09:30:00+01:00"}`, "V-TIPO starts_at"},
		{"hour 24", `{"starts_at":"2026-12-15T24:00:00+01:00"}`, "V-TIPO starts_at"},
		{"year 1", `{"starts_at":"0001-01-01T00:00:00Z"}`, "V-TIPO starts_at"},
		{"year 2206", `{"expires_at":"2206-12-15T09:30:00+01:00"}`, "V-TIPO expires_at"},
		{"epoch", `{"starts_at":1797323400}`, "V-TIPO starts_at"},
		{"too many tags", `{"tags":[` + strings.Repeat(`"a",`, 30) + `"b"]}`, "V-CAMPO tags"},
		{"too many media", `{"media":[` + strings.Repeat(`{},`, 30) + `{}]}`, "V-CAMPO media"},

		{"nothing", ``, "V-JSON "},
		{"spaces", ` `, "V-JSON "},
		{"an array", `[]`, "V-TIPO "},
		{"a text", `"a"`, "V-TIPO "},
		{"null", `null`, "V-TIPO "},
		{"cut off", `{"title":"a`, "V-JSON "},
		{"cut off later", `{"title":"a",`, "V-JSON "},
		{"a comma too many", `{"title":"a",}`, "V-JSON "},
		{"single quotes", `{'title':'a'}`, "V-JSON "},
		{"line break in a text", "{\"title\":\"a\nb\"}", "V-JSON "},
		{"two documents", `{} {}`, "V-JSON "},
		{"something after", `{}x`, "V-JSON "},
		{"byte order mark", "\ufeff{}", "V-JSON "},
		{"not UTF-8", "{\"title\":\"a\xff\"}", "V-JSON "},
		{"UTF-16", "\xff\xfe{\x00}\x00", "V-JSON "},
		{"Latin-1", "{\"title\":\"citt\xe0\"}", "V-JSON "},
		{"deep", strings.Repeat("[", 100), "V-JSON "},
		{"deep inside", `{"x":` + strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat("}", 51), "V-JSON "},
		{"many values", `{"tags":[` + strings.Repeat("1,", 5000) + `1]}`, "V-JSON "},
		{"large", `{"body":"` + strings.Repeat("a", rules.MaxDocument) + `"}`, "V-JSON "},
	} {
		_, _, ps := rules.Decode([]byte(c.doc))
		requireReadable(t, ps)
		var got []string
		for _, p := range ps {
			require.Equal(t, palinsesto.LevelError, p.Level)
			got = append(got, p.Code+" "+p.Field)
		}
		require.Equal(t, c.want, strings.Join(got, ","), c.name)
	}
}

func TestDecodeSaysWhere(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`{"title":"a" "body":"b"}`:             "al byte 14",
		`{"title":tru}`:                        "al byte 13",
		`{"title":"a"`:                         "finisce a metà (byte 12)",
		"{\"title\":\"citt\xe0\"}":             "non è UTF-8 (byte 14)",
		`{"title":"a"} {"x":1}`:                "Dopo la fine del documento (byte 13)",
		`{"title":5}`:                          "Qui va un testo fra virgolette, c'è un numero.",
		`{"starts_at":"domani"}`:               "Scriverla così: 2026-12-15T09:30:00+01:00.",
		`{"starts_at":"0001-01-01T00:00:00Z"}`: "L'anno 1 ",
	} {
		_, _, ps := rules.Decode([]byte(doc))
		require.Len(t, ps, 1, doc)
		require.Contains(t, ps[0].Text, want, doc)
	}
}

func TestDecodeReads(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("AB", 32)
	centre, c, ps := rules.Decode([]byte(`{"centre":"jesi","kind":"evento","title":"a\u00e0","body":"b\nc","starts_at":"2026-12-15T09:30:00+02:00",
		"place":"d","link":"e","contact_email":"f","tags":["g","h"],"media":[{"id":"` + hash + `","filename":"i","alt":"j"}],"wanted_channels":["k"]}`))
	require.Empty(t, ps)
	require.Equal(t, "jesi", centre)
	require.Equal(t, "2026-12-15T09:30:00+02:00", c.StartsAt.Format("2006-01-02T15:04:05Z07:00"), "the offset stays as written")
	require.Equal(t, palinsesto.Content{Kind: "evento", Title: "aà", Body: "b\nc", StartsAt: c.StartsAt, Place: "d", Link: "e", ContactEmail: "f",
		Tags: []string{"g", "h"}, Media: []palinsesto.Media{{Hash: strings.ToLower(hash), Filename: "i", Alt: "j"}}, WantedChannels: []string{"k"}}, c)
}

// A field of the wrong type is not missing too; all else is told with it.
func TestTakeTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	got := rules.Take(marche(t), []byte(`{"centre":"jesi","kind":"evento","title":5,"body":"","link":"a b","wanted_channels":["telegram"],"x":1}`))
	var found []string
	for _, p := range got.Problems {
		found = append(found, p.Code+" "+p.Field)
	}
	require.Equal(t, []string{"V-TIPO title", "V-CAMPO x", "V-CAMPO body", "V-LUOGO place", "V-CAMPO starts_at", "V-URL link"}, found)
	require.Equal(t, []string{"telegram-marche"}, got.Channels)

	require.Len(t, rules.Take(marche(t), []byte(`{`)).Problems, 1, "of what is no document nothing else is known")
	require.Len(t, rules.Take(marche(t), []byte(`[]`)).Problems, 1)
}

// What was taken can be written as a document again and is then the same: a revision starts from it.
func TestDocumentOfAContent(t *testing.T) {
	t.Parallel()
	for i, line := range sampleLines(t) {
		first := rules.Take(marche(t), withIDs(t, line))
		raw, err := json.Marshal(rules.FromContent(first.Centre, first.Content))
		require.NoError(t, err)
		again := rules.Take(marche(t), raw)
		require.Equal(t, palinsesto.HashContent(first.Centre, first.Content), palinsesto.HashContent(again.Centre, again.Content), "line %d", i+1)
		require.Equal(t, rules.Refused(first.Problems), rules.Refused(again.Problems), "line %d", i+1)
	}
}

func FuzzDecode(f *testing.F) {
	for _, line := range sampleLines(f) {
		f.Add(line)
	}
	for _, s := range []string{``, `{}`, `[]`, `{"title":"a","title":1}`, `{"media":[{"id":null}]}`, `{"starts_at":"2026-12-15T09:30:00+01:00"}`, "{\"a\":\"\\ud800\"}", `{"x":[[[[[[[[[[]]]]]]]]]]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		centre, c, ps := rules.Decode(doc)
		for _, p := range ps {
			require.Equal(t, palinsesto.LevelError, p.Level)
			require.NotEmpty(t, p.Text)
			require.Less(t, len(p.Text), 1000)
		}
		if !json.Valid(doc) {
			require.NotEmpty(t, ps, "what is no JSON is refused")
		}
		if len(ps) > 0 {
			return
		}
		raw, err := json.Marshal(rules.FromContent(centre, c))
		require.NoError(t, err)
		centre2, c2, ps := rules.Decode(raw)
		require.Empty(t, ps)
		require.Equal(t, palinsesto.HashContent(centre, c), palinsesto.HashContent(centre2, c2))
		rules.Take(marche(t), doc)
	})
}
