// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// samplesDir is the folder of real-shaped input beside the repository.
func samplesDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(dir, "..", "shared", "samples", "media")
		}
		up := filepath.Dir(dir)
		require.NotEqual(tb, up, dir, "no go.work above the test")
		dir = up
	}
}

func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(samplesDir(tb), name))
	require.NoError(tb, err)
	return data
}

func TestSamples(t *testing.T) {
	t.Parallel()
	type want struct {
		kind   Kind
		mime   string
		w, h   int
		length time.Duration
		notes  []string
		refuse string // part of the sentence
	}
	jpeg := func(w, h int) want { return want{kind: Image, mime: "image/jpeg", w: w, h: h} }
	png := func(w, h int) want {
		return want{kind: Image, mime: "image/png", w: w, h: h, notes: []string{"Testi e commenti nascosti rimossi"}}
	}
	wants := map[string]want{
		"IMG_20261118_101112.jpg": {kind: Image, mime: "image/jpeg", w: 4032, h: 3024, notes: []string{
			"Posizione GPS rimossa", "Marca e modello dell'apparecchio rimossi", "Dati EXIF rimossi", "Immagine raddrizzata"}},
		"avviso-art16.png":         png(1080, 1350),
		"avviso-chiusura.png":      png(1080, 1080),
		"borse-lavoro.png":         png(1080, 1350),
		"career-day.png":           png(1080, 1080),
		"classe-IVB.jpg":           jpeg(1600, 1200),
		"cucina.jpg":               jpeg(1200, 1200),
		"cuffie.jpg":               jpeg(900, 1200),
		"diretta.png":              png(1280, 720),
		"foto-gruppo.jpg":          jpeg(2048, 1365),
		"giulia.mp4":               {kind: Video, mime: "video/mp4", w: 1280, h: 720, length: 6 * time.Second, notes: []string{"Dati su apparecchio, autore e programma rimossi"}},
		"giulia.srt":               {kind: Captions, mime: "application/x-subrip", length: 6 * time.Second},
		"jobday.gif":               {refuse: "animata"},
		"lab-cv.png":               png(1080, 1080),
		"locandina-recruiting.png": png(1080, 1527),
		"mani.jpg":                 jpeg(800, 600),
		"mappa.png":                png(2000, 1000),
		"modulo.png":               png(794, 1123),
		"openday.bmp":              {refuse: "BMP"},
		"reception.jpg":            jpeg(1920, 1080),
		"sala-ristorante (1).jpg":  jpeg(1600, 1067),
		"sala-ristorante.jpg":      jpeg(1600, 1067),
		"saldatura-tig.jpg":        jpeg(1600, 1200),
		"tomaia.jpg":               jpeg(2400, 1600),
		"ufficio.png":              png(1200, 800),
		"vetrina.jpg":              jpeg(1080, 1350),
	}
	files, err := os.ReadDir(samplesDir(t))
	require.NoError(t, err)
	require.Len(t, files, len(wants))
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			t.Parallel()
			w, ok := wants[file.Name()]
			require.True(t, ok, "a sample that the table does not know")
			res, err := Clean(sample(t, file.Name()), Default())
			if w.refuse != "" {
				requireRefusal(t, err, w.refuse)
				return
			}
			require.NoError(t, err)
			have := want{res.Kind, res.MIME, res.Width, res.Height, res.Duration, res.Notes, ""}
			require.Equal(t, w, have)
		})
	}
}

func TestSameBytesTwice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mani.jpg", "modulo.png", "giulia.mp4", "giulia.srt"} {
		one, err := Clean(sample(t, name), Default())
		require.NoError(t, err)
		two, err := Clean(sample(t, name), Default())
		require.NoError(t, err)
		require.Equal(t, one, two, "the same bytes in give the same bytes out")
	}
}

func requireRefusal(t *testing.T, err error, part string) {
	t.Helper()
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, Code, r.Code)
	require.Contains(t, r.Text, part)
	require.NotEmpty(t, r.TextEN)
	require.Equal(t, r.Text, r.Error())
}

func TestSampleVideoKeepsItsMediaData(t *testing.T) {
	t.Parallel()
	before := sample(t, "giulia.mp4")
	res, err := Clean(bytes.Clone(before), Default())
	require.NoError(t, err)
	require.Len(t, res.Data, len(before))
	require.NotContains(t, string(res.Data), "Lavf59")
	require.NotContains(t, string(res.Data[:7000]), "Lavc59")
	mdat := bytes.Index(before, []byte("mdat"))
	require.Equal(t, before[mdat:], res.Data[mdat:])
}
