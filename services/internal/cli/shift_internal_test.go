// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func rome(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Rome")
	require.NoError(t, err)
	return zone
}

func TestShiftKeepsTheWallClockAndWhatIsWrong(t *testing.T) {
	zone := rome(t)
	for _, c := range []struct {
		in    string
		weeks int
		want  string
	}{
		{"2026-12-15T09:30:00+01:00", 0, "2026-12-15T09:30:00+01:00"},
		{"2026-12-15T09:30:00+01:00", 1, "2026-12-22T09:30:00+01:00"},
		{"2026-12-15T09:30:00+01:00", 30, "2027-07-13T09:30:00+02:00"},  // into summer time
		{"2026-12-16T17:30:00+02:00", 30, "2027-07-14T17:30:00+03:00"},  // wrong by an hour stays so
		{"2026-12-16T17:30:00+02:00", -30, "2026-05-20T17:30:00+03:00"}, // backwards too
		{"2026-12-15T09:30:00Z", 1, "2026-12-22T09:30:00Z"},
		{"2026-12-15T09:30:00.5+01:00", 1, "2026-12-22T09:30:00.5+01:00"},
		{"15/12/2026", 4, "15/12/2026"}, // for the house to refuse
	} {
		require.Equal(t, c.want, shiftMoment(c.in, c.weeks, zone), "%s by %d", c.in, c.weeks)
	}
}

func TestShiftAuto(t *testing.T) {
	for day, want := range map[string]int{"2026-11-22": 0, "2026-11-23": 1, "2026-11-29": 1, "2026-11-30": 2, "2026-11-15": -1, "2026-11-16": 0} {
		now, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		weeks, err := ParseShift("auto", now.Add(13*time.Hour))
		require.NoError(t, err)
		require.Equal(t, want, weeks, day)
	}
	for _, bad := range []string{"presto", "1.5", "99999"} {
		_, err := ParseShift(bad, time.Now())
		require.ErrorContains(t, err, bad)
	}
}

// What is odd in a record has to reach the house as it was written.
func TestRecordsAreSplicedNotRewritten(t *testing.T) {
	plus := func(s string) string { return s + "+" }
	for in, want := range map[string]string{
		`{"centre":"a","starts_at":"x","starts_at":"y","n":1e2}`: `{"centre":"a","starts_at":"x+","starts_at":"y+","n":1e2}`,
		`{ "expires_at" : null , "ends_at":3 }`:                  `{ "expires_at" : null , "ends_at":3 }`,
		`{"title":"starts_at","body":"\u00e8"}`:                  `{"title":"starts_at","body":"\u00e8"}`,
		`[1,2]`:                                                  `[1,2]`,
		`{"ends_at":"x"`:                                         `{"ends_at":"x"`,
		``:                                                       ``,
	} {
		require.Equal(t, want, string(shiftRecord([]byte(in), plus)), in)
	}
	ids := map[int]string{0: "AA", 2: "CC"}
	for in, want := range map[string]string{
		`{"media":[{"filename":"a"},{"filename":"b"},{}],"x":1}`: `{"media":[{"id":"AA","filename":"a"},{"filename":"b"},{"id":"CC"}],"x":1}`,
		`{"media":[{"id":null,"filename":"a"}]}`:                 `{"media":[{"id":"AA","filename":"a"}]}`,
		`{"media":"a.jpg"}`:                                      `{"media":"a.jpg"}`,
		`{"media":["a.jpg"]}`:                                    `{"media":["a.jpg"]}`,
	} {
		require.Equal(t, want, string(nameMedia([]byte(in), ids)), in)
	}
}

func TestMediaOfARecord(t *testing.T) {
	require.Equal(t, []file{{0, "a.jpg", ""}, {2, "", "x"}}, mediaOf([]byte(`{"media":[{"filename":"a.jpg"},7,{"id":"x","filename":4}]}`)))
	require.Empty(t, mediaOf([]byte(`{"media":{}}`)))
	require.Empty(t, mediaOf([]byte(`no`)))
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"starts_at":"2026-12-15T09:30:00+01:00","media":[{"filename":"a"}]}`))
	f.Add([]byte(`{"media":[{}]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		zone := rome(t)
		shifted := shiftRecord(doc, func(s string) string { return shiftMoment(s, 3, zone) })
		ids := map[int]string{}
		for _, m := range mediaOf(shifted) {
			ids[m.index] = "id"
		}
		nameMedia(shifted, ids)
	})
}

// Whatever a record names, nothing outside the folder is read.
func TestMediaNeverLeaveTheFolder(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "lista")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "media", "sub"), 0o700))
	for name, text := range map[string]string{
		filepath.Join(top, "secret.jpg"):             "no",
		filepath.Join(dir, "media", "a.jpg"):         "media",
		filepath.Join(dir, "media", "sub", "b.jpg"):  "sub",
		filepath.Join(dir, "beside.jpg"):             "beside",
		filepath.Join(dir, "media", "with space.jp"): "space",
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	require.NoError(t, os.Symlink(filepath.Join(top, "secret.jpg"), filepath.Join(dir, "media", "link.jpg")))
	s := openMedia(dir)
	defer s.close()
	for name, want := range map[string]string{
		"a.jpg": "media", "sub/b.jpg": "sub", "beside.jpg": "beside", "with space.jp": "space", "media/a.jpg": "media",
		"../secret.jpg": "", "media/../../secret.jpg": "", "link.jpg": "", "sub": "", ".": "", "": "",
		filepath.Join(top, "secret.jpg"): "", "a.jpg\x00": "", "assente.jpg": "",
	} {
		f, err := s.open(name)
		if want == "" {
			require.Error(t, err, name)
			continue
		}
		require.NoError(t, err, name)
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		require.NoError(t, f.Close())
	}
}

func TestLinesOfAnyLength(t *testing.T) {
	long := strings.Repeat("x", lineMost+100)
	r := bufio.NewReaderSize(strings.NewReader("\ufeff{\"a\":1}\r\n\n"+long+"\nlast"), 64)
	for _, want := range []int{7, 0, lineMost, 4} {
		line, err := readLine(r)
		require.NoError(t, err)
		require.Len(t, line, want)
	}
	_, err := readLine(r)
	require.ErrorIs(t, err, io.EOF)
}

func TestWhyAFileWasRefusedStandsInPlaceOfThatItIsMissing(t *testing.T) {
	p := func(code, field, text string) palinsesto.Problem {
		return palinsesto.Problem{Code: code, Field: field, Text: text}
	}
	found := []palinsesto.Problem{p("V-URL", "link", "x"), p(codeMedia, "media[1]", "missing"), p("A-ALT", "media[1].alt", "y")}
	refused := map[int][]palinsesto.Problem{1: {p(codeMedia, "media[1]", "bmp")}, 4: {p(codeMedia, "media[4]", "gif")}}
	require.Equal(t, []palinsesto.Problem{found[0], p(codeMedia, "media[1]", "bmp"), found[2], p(codeMedia, "media[4]", "gif")}, merge(found, refused))
}

func TestNothingThatOthersWroteMovesTheCursor(t *testing.T) {
	require.Equal(t, "a [31mb c d", plain("a\x1b[31mb\u202ec\nd"))
}
