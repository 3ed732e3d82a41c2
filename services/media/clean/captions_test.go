// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCaptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in, out, ext string
		length       time.Duration
		notes        []string
	}{
		"srt": {"1\n00:00:00,000 --> 00:00:03,000\nMi chiamo Giulia.\n", "1\n00:00:00,000 --> 00:00:03,000\nMi chiamo Giulia.\n\n", ".srt", 3 * time.Second, nil},
		"srt from Windows, numbers out of order": {
			"\ufeff7\r\n00:00:00.000 --> 00:00:03.500 X1:1 X2:2\r\nPerché no?\r\nSì.\r\n\r\n\r\n9\r\n01:00:04,000 --> 01:00:05,250\r\nFine",
			"1\n00:00:00,000 --> 00:00:03,500\nPerché no?\nSì.\n\n2\n01:00:04,000 --> 01:00:05,250\nFine\n\n", ".srt", time.Hour + 5250*time.Millisecond, nil},
		"srt without numbers":    {"\n00:00:01,000 --> 00:00:02,000\nCiao\n", "1\n00:00:01,000 --> 00:00:02,000\nCiao\n\n", ".srt", 2 * time.Second, nil},
		"cue without text":       {"1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:02,000 --> 00:00:03,000\nCiao\n", "1\n00:00:02,000 --> 00:00:03,000\nCiao\n\n", ".srt", 3 * time.Second, []string{"Battute senza testo tolte: 1"}},
		"control characters":     {"1\n00:00:01,000 --> 00:00:02,000\nCi\x07ao\x00\n", "1\n00:00:01,000 --> 00:00:02,000\nCiao\n\n", ".srt", 2 * time.Second, []string{"Caratteri di controllo tolti: 2"}},
		"webvtt":                 {"WEBVTT - girato da Segreto\nKind: captions\n\nNOTE autore Segreto\n\nSTYLE\n::cue { }\n\nprimo\n00:01.000 --> 00:02.000 align:start\nCiao <b>tu</b>\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nCiao <b>tu</b>\n\n", ".vtt", 2 * time.Second, []string{"Note e stili tolti: 2"}},
		"webvtt in a single row": {"WEBVTT\n00:01.000 --> 00:02.000\nCiao", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nCiao\n\n", ".vtt", 2 * time.Second, nil},
		"NOTE inside a cue":      {"WEBVTT\n\n00:01.000 --> 00:02.000\nNOTE bene\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nNOTE bene\n\n", ".vtt", 2 * time.Second, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := Clean([]byte(tt.in), Default())
			require.NoError(t, err)
			require.Equal(t, tt.out, string(res.Data))
			require.Equal(t, []any{Captions, tt.ext, tt.length, tt.notes}, []any{res.Kind, res.Ext, res.Duration, res.Notes})
		})
	}
}

func TestCaptionsRefused(t *testing.T) {
	t.Parallel()
	const good = "1\n00:00:01,000 --> 00:00:02,000\nCiao\n\n"
	tests := map[string]struct{ in, refuse string }{
		"no times":             {good + "2\nCiao\n", "riga 5: dopo il numero"},
		"ends with the number": {good + "2", "riga 5: dopo il numero"},
		"bad times":            {good + "2\n00:00:01 --> 00:00:02\nCiao\n", "riga 6: i tempi"},
		"no end":               {good + "2\n00:00:01,000 -->\nCiao\n", "riga 6: i tempi"},
		"61 seconds":           {good + "2\n00:00:01,000 --> 00:00:61,000\nCiao\n", "riga 6: i tempi"},
		"signs":                {good + "2\n00:00:-1,000 --> 00:00:05,000\nCiao\n", "riga 6: i tempi"},
		"many hours":           {good + "2\n00:00:01,000 --> 9999:00:05,000\nCiao\n", "riga 6: i tempi"},
		"ends before":          {good + "2\n00:00:03,000 --> 00:00:02,000\nCiao\n", "riga 6: la battuta finisce"},
		"no empty line":        {good + "2\n00:00:03,000 --> 00:00:04,000\nCiao\n00:00:05,000 --> 00:00:06,000\n", "riga 8: prima di questa"},
		"long line":            {good + "2\n00:00:03,000 --> 00:00:04,000\n" + strings.Repeat("a", maxLineBytes+1), "riga 7: la battuta è troppo lunga"},
		"many lines":           {good + "2\n00:00:03,000 --> 00:00:04,000\n" + strings.Repeat("a\n", maxCueLines+1), "troppo lunga"},
		"many cues":            {strings.Repeat("00:00:01,000 --> 00:00:02,000\na\n\n", maxCues+1), "20000 battute"},
		"latin-1":              {"1\n00:00:01,000 --> 00:00:02,000\nPerch\xe9\n", "UTF-8 (riga 3)"},
		"utf-16":               {"\xff\xfe1\x00\n\x000\x000\x00:\x00-\x00-\x00>\x00", "UTF-8"},
		"only the signature":   {"WEBVTT\n\nNOTE nulla\n", "vuoti"},
		"no text at all":       {"1\n00:00:01,000 --> 00:00:02,000\n", "vuoti"},
		"weight":               {good + strings.Repeat("\n", 1<<20), "massimo"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Clean([]byte(tt.in), Default())
			requireRefusal(t, err, tt.refuse)
		})
	}
}
