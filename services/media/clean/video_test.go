// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bx is a box of the given parts: strings, bytes, and uint32 as they are written.
func bx(typ string, parts ...any) []byte {
	var body []byte
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			body = append(body, v...)
		case []byte:
			body = append(body, v...)
		case int:
			body = binary.BigEndian.AppendUint32(body, uint32(v))
		}
	}
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+8)), typ...), body...)
}

func zeros(n int) []byte { return make([]byte, n) }

const when = 0x7c25b080 // seconds since 1904

// film builds a small MP4 in parts that a test can change: ftyp, mdat, moov.
type film struct {
	brands   string
	handler  string   // of the data track
	codec    string   // of the video track
	dataCode string   // sample description of the data track
	video    string   // media data of the video: one sample
	secret   []string // samples of the data track; none: no such track
	tail     string   // media data that no table names
	wide     bool     // co64 and stsz, else stco and stz2
	bits     int      // of stz2
	rotated  bool
	duration int
	dref     int
	extra    []byte // boxes at the end of moov
	inTrak   []byte // boxes at the end of the video's trak
	inStbl   []byte
}

func newFilm() film {
	return film{brands: "isom\x00\x00\x02\x00isomavc1", handler: "meta", codec: "avc1", dataCode: "mebx",
		video: "una immagine di prova", secret: []string{"+43.6158+013.5189/", "ModelloSegreto"}, duration: 6000, dref: 1, bits: 8, tail: "freeGPS Segreto"}
}

func (f film) bytes() []byte {
	ftyp := bx("ftyp", f.brands)
	at := len(ftyp) + 8
	media := f.video + strings.Join(f.secret, "")
	mdat := bx("mdat", media, f.tail)
	mvhd := bx("mvhd", 0, when, when, 1000, f.duration, 0x00010000, zeros(76))
	moov := bx("moov", mvhd, f.videoTrack(at), f.extra)
	if len(f.secret) > 0 {
		moov = bx("moov", mvhd, f.videoTrack(at), f.dataTrack(at+len(f.video)), f.extra)
	}
	return bytes.Join([][]byte{ftyp, mdat, moov}, nil)
}

func (f film) videoTrack(at int) []byte {
	matrix := []any{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}
	if f.rotated {
		matrix = []any{0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000}
	}
	tkhd := bx("tkhd", append(append([]any{7, when, when, 1, 0, f.duration, zeros(16)}, matrix...), 1280<<16, 720<<16)...)
	entry := bx(f.codec, zeros(6), "\x00\x01", zeros(4), "GoPr", zeros(8), "\x05\x00\x02\xd0", zeros(14),
		"\x12ModelloSegreto AVC", zeros(13), "\x00\x18\xff\xff", bx("avcC", "configurazione"), bx("colr", "prof", "ProfiloSegreto"), bx("Xmdl", "ModelloSegreto"))
	stbl := bx("stbl", bx("stsd", 0, 1, entry), bx("stts", 0, 1, 1, f.duration),
		bx("stsc", 0, 1, 1, 1, 1), bx("stsz", 0, len(f.video), 1), bx("stco", 0, 1, at), f.inStbl)
	minf := bx("minf", bx("vmhd", 1, zeros(8)), bx("dinf", bx("dref", 0, 1, bx("url ", f.dref, "file:///Volumes/Segreto"))), stbl)
	mdia := bx("mdia", bx("mdhd", 0, when, when, 1000, f.duration, "\x55\xc4\x00\x00"),
		bx("hdlr", 0, 0, "vide", "SegrSegrSegr", "Fotocamera Segreta\x00"), minf)
	return bx("trak", tkhd, bx("tref", bx("cdsc", 2)), mdia, f.inTrak)
}

// dataTrack has all its samples in chunks of two, and the last chunk shorter.
func (f film) dataTrack(at int) []byte {
	sizes, offsets := []any{0, f.bits, len(f.secret)}, []any{0, (len(f.secret) + 1) / 2}
	wideSizes := []any{0, 0, len(f.secret)}
	var short []byte
	for i, s := range f.secret {
		if i%2 == 0 && f.wide {
			offsets = append(offsets, 0)
		}
		if i%2 == 0 {
			offsets = append(offsets, at)
		}
		at += len(s)
		switch {
		case f.bits == 8:
			short = append(short, byte(len(s)))
		case f.bits == 16:
			short = binary.BigEndian.AppendUint16(short, uint16(len(s)))
		case i%2 == 0:
			short = append(short, byte(len(s))<<4)
		default:
			short[len(short)-1] |= byte(len(s))
		}
		wideSizes = append(wideSizes, len(s))
	}
	tables := [][]byte{bx("stz2", append(sizes, short)...), bx("stco", offsets...)}
	if f.wide {
		tables = [][]byte{bx("stsz", wideSizes...), bx("co64", offsets...)}
	}
	stbl := bx("stbl", bx("stsd", 0, 1, bx(f.dataCode, zeros(8), "com.apple.quicktime.location.ISO6709")),
		bx("stsc", 0, 1, 1, 2, 1), tables[0], tables[1])
	mdia := bx("mdia", bx("mdhd", 0, when, when, 1000, f.duration, zeros(4)),
		bx("hdlr", 0, 0, f.handler, zeros(12), "GPS Segreto"), bx("minf", bx("nmhd", 0), stbl))
	return bx("trak", bx("tkhd", 0, when, when, 2, 0, f.duration, zeros(60)), mdia)
}

func requireClean(t *testing.T, data []byte) Result {
	t.Helper()
	before := bytes.Clone(data)
	res, err := Clean(data, Default())
	require.NoError(t, err)
	require.Len(t, res.Data, len(before), "no offset moves")
	for _, s := range []string{"egret", "+43.6", "\xa9xyz", "loci", "location", "GoPr", "Volumes", "uuid", "udta", "meta"} {
		require.NotContains(t, string(res.Data), s)
	}
	require.NotContains(t, string(res.Data), string(binary.BigEndian.AppendUint32(nil, when)))
	require.Contains(t, string(res.Data), "una immagine di prova")
	again, err := Clean(bytes.Clone(res.Data), Default())
	require.NoError(t, err)
	require.Equal(t, res.Data, again.Data, "what is clean stays as it is")
	require.Empty(t, again.Notes)
	return res
}

func TestVideoLosesPlaceAndDevice(t *testing.T) {
	t.Parallel()
	f := newFilm()
	uuid := bx("uuid", "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", "<x:xmpmeta>Segreto")
	f.extra = bytes.Join([][]byte{
		bx("udta", bx("\xa9xyz", "\x00\x12\x15\xc7+43.6158+013.5189/"), bx("loci", 0, "Segreto")),
		bx("meta", bx("hdlr", 0, 0, "mdta", zeros(12)), bx("keys", 0, 1, bx("mdta", "com.apple.quicktime.location.ISO6709")), bx("ilst", "Segreto")),
		uuid, bx("GPS ", "Segreto"),
	}, nil)
	f.inTrak = append(bx("udta", bx("name", "Segreto")), bx("meta", "Segreto")...)
	f.inStbl = bx("uuid", "Segreto")
	tail := bytes.Join([][]byte{uuid, bx("free", "ModelloSegreto"), bx("XMP_", "Segreto"), bx("sefd", "Segreto"),
		[]byte("\x00\x00\x00\x01uuid\x00\x00\x00\x00\x00\x00\x00\x17Segreto"), []byte("\x00\x00\x00\x00skipSegreto")}, nil)
	res := requireClean(t, append(f.bytes(), tail...))
	require.Equal(t, Result{Data: res.Data, Kind: Video, MIME: "video/mp4", Ext: ".mp4", Width: 1280, Height: 720, Duration: 6 * time.Second,
		Notes: []string{"Posizione GPS rimossa", "Dati su apparecchio, autore e programma rimossi",
			"Tracce di dati o di testo (sensori, posizione) rimosse", "Date di ripresa rimosse"}}, res)
}

func TestVideoDataTracks(t *testing.T) {
	t.Parallel()
	for _, handler := range []string{"meta", "mebx", "gpmd", "camm", "tmcd", "text", "sbtl", "subt", "hint", "soun"} {
		for _, wide := range []bool{false, true} {
			f := newFilm()
			f.handler, f.wide = handler, wide
			f.secret = []string{"Segreto uno", "Segreto due, il secondo", "Segreto tre"}
			requireClean(t, f.bytes())
		}
	}
}

// Dash cameras write where they are between the samples, where no table points.
func TestVideoLosesWhatNoTableNames(t *testing.T) {
	t.Parallel()
	f := newFilm()
	f.secret = nil
	data := append(f.bytes(), bx("mdat", "un altro freeGPS Segreto")...)
	res := requireClean(t, data)
	require.Contains(t, res.Notes, "Dati nascosti fra immagini e suono rimossi")
}

// However often tracks name the same bytes, they are overwritten once.
func TestVideoDataTracksThatOverlap(t *testing.T) {
	t.Parallel()
	f := newFilm()
	f.extra = bytes.Repeat(overlapping(), 9)
	requireClean(t, f.bytes())
}

// QuickTime says one byte of every sample of plain sound; the description says how many it has.
func TestVideoKeepsPlainSound(t *testing.T) {
	t.Parallel()
	f := newFilm()
	f.secret, f.tail = nil, "SUONOSUO+freeGPS Segreto"
	at := bytes.Index(f.bytes(), []byte(f.tail))
	for version, more := range map[string][]byte{"\x00\x00": nil, "\x00\x01": bytes.Join([][]byte{{0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 0, 4}, {0, 0, 0, 2}}, nil)} {
		entry := bx("sowt", zeros(6), "\x00\x01", version, zeros(6), "\x00\x02\x00\x10", zeros(8), more)
		sound := bytes.ReplaceAll(soundTrack(entry), bx("stsz", 0, 1, 1), bx("stsz", 0, 1, 2))
		sound = bytes.ReplaceAll(sound, bx("stsc", 0, 1, 1, 1, 1), bx("stsc", 0, 1, 1, 2, 1))
		f.extra = bytes.ReplaceAll(sound, bx("stco", 0, 1, 40), bx("stco", 0, 1, at))
		res := requireClean(t, f.bytes())
		require.Contains(t, string(res.Data), "SUONOSUO\x00")
	}
}

func TestVideoSampleSizes(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{4, 8, 16} {
		f := newFilm()
		f.bits, f.secret = bits, []string{"Segreto", "un Segreto", "Segreto tre"}
		requireClean(t, f.bytes())
	}
}

// A track without a size of its own is as large as its pictures.
func TestVideoCodedSize(t *testing.T) {
	t.Parallel()
	shown := string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 1280<<16), 720<<16))
	res := requireClean(t, bytes.ReplaceAll(newFilm().bytes(), []byte(shown), zeros(8)))
	require.Equal(t, []int{1280, 720}, []int{res.Width, res.Height})
}

func TestVideoTurned(t *testing.T) {
	t.Parallel()
	f := newFilm()
	f.rotated = true
	res := requireClean(t, f.bytes())
	require.Equal(t, []int{720, 1280}, []int{res.Width, res.Height})
}

func TestVideoBrands(t *testing.T) {
	t.Parallel()
	f := newFilm()
	f.brands = "qt  \x00\x00\x02\x00qt  "
	res := requireClean(t, f.bytes())
	require.Equal(t, []string{"video/quicktime", ".mov"}, []string{res.MIME, res.Ext})

	f.brands = "MSNV\x01\x29\x00\x46MSNVmp42CAEP"
	res = requireClean(t, f.bytes())
	require.Equal(t, "isom\x01\x29\x00\x46isommp42isom", string(res.Data[8:28]))
	require.Contains(t, res.Notes, "Marchio del produttore rimosso")
}

// QuickTime's sound descriptions are longer than those of MP4, and hold their boxes one level deeper.
func TestVideoQuickTimeSound(t *testing.T) {
	t.Parallel()
	wave := bx("wave", bx("frma", "mp4a"), bx("esds", 0, "decodifica"), bx("Xsec", "Segreto"), bx("\x00\x00\x00\x00"))
	for version, more := range map[string]int{"\x00\x00": 0, "\x00\x01": 16, "\x00\x02": 36} {
		entry := bx("mp4a", zeros(6), "\x00\x01", version, zeros(2), "GoPr", zeros(12+more), wave, bx("Xsec", "Segreto"), zeros(4))
		f := newFilm()
		f.extra = soundTrack(entry)
		res := requireClean(t, f.bytes())
		require.Contains(t, string(res.Data), "decodifica")
	}
}

func soundTrack(entry []byte) []byte {
	stbl := bx("stbl", bx("stsd", 0, 1, entry), bx("stsc", 0, 1, 1, 1, 1), bx("stsz", 0, 1, 1), bx("stco", 0, 1, 40))
	mdia := bx("mdia", bx("mdhd", 1<<24, zeros(16), 1000, 0, 6000, zeros(4)), bx("hdlr", 0, "mhlr", "soun", "GoPr", zeros(8), "\x07Segreto"),
		bx("minf", bx("smhd", 0, 0), bx("hdlr", 0, "dhlr", "alis", "GoPr", zeros(8), "\x07Segreto"), stbl))
	return bx("trak", bx("tkhd", 1<<24, zeros(92)), mdia)
}

func TestVideoRefused(t *testing.T) {
	t.Parallel()
	with := func(change func(*film)) []byte {
		f := newFilm()
		change(&f)
		return f.bytes()
	}
	plain := newFilm().bytes()
	patch := func(from, to string) []byte { return bytes.ReplaceAll(plain, []byte(from), []byte(to)) }
	tests := map[string]struct {
		data   []byte
		refuse string
	}{
		"ends in the middle":   {plain[:len(plain)-9], "incompleto"},
		"no movie":             {plain[:60], "incompleto"},
		"a second movie box":   {append(bytes.Clone(plain), bx("moov")...), "insolito"},
		"fragmented":           {append(bytes.Clone(plain), bx("moof")...), "frammenti"},
		"to be fragmented":     {with(func(f *film) { f.extra = bx("mvex") }), "frammenti"},
		"unknown codec":        {with(func(f *film) { f.codec = "apcn" }), `"apcn"`},
		"encrypted":            {with(func(f *film) { f.codec = "encv" }), `"encv"`},
		"pictures with exif":   {with(func(f *film) { f.codec = "jpeg" }), `"jpeg"`},
		"no length":            {with(func(f *film) { f.duration = 0 }), "quanto dura"},
		"unknown length":       {with(func(f *film) { f.duration = -1 }), "quanto dura"},
		"data in another file": {with(func(f *film) { f.dref = 0 }), "altro file"},
		"sound only":           {patch("vide", "soun"), "filmato"},
		"no sample table":      {patch("stbl", "xtbl"), "insolito"},
		"no offsets":           {patch("stco", "xtco"), "insolito"},
		"two offset tables":    {with(func(f *film) { f.inStbl = bx("co64", 0, 0) }), "insolito"},
		"no handler":           {patch("hdlr", "xdlr"), "insolito"},
		"chunk elsewhere":      {patch(string(binary.BigEndian.AppendUint32(nil, 32)), "\x00\x00\xff\xff"), "incompleto"},
		"huge box":             {patch("\x00\x00\x00\x16stz2", "\xff\xff\xff\xf0stz2"), "incompleto"},
		"box too small":        {patch("\x00\x00\x00\x14vmhd", "\x00\x00\x00\x03vmhd"), "insolito"},
		"many boxes":           {append(bytes.Clone(plain), bytes.Repeat(bx("free"), maxBoxes)...), "insolito"},
		"many tracks":          {with(func(f *film) { f.extra = bytes.Repeat(newFilm().dataTrack(40), maxTracks) }), "insolito"},
		"samples past the end": {patch(string(bx("stsz", 0, 21, 1)), string(bx("stsz", 0, 999, 1))), "incompleto"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := bytes.Clone(tt.data)
			_, err := Clean(tt.data, Default())
			requireRefusal(t, err, tt.refuse)
			require.Equal(t, before, tt.data, "a refused file is as it was")
		})
	}
}

// overlapping is a data track with many chunks, all of which claim the whole of the media data.
func overlapping() []byte {
	offsets := []any{0, 500}
	for range 500 {
		offsets = append(offsets, 32)
	}
	stbl := bx("stbl", bx("stsd", 0, 1, bx("gpmd")), bx("stsc", 0, 1, 1, 1<<20, 1), bx("stsz", 0, -1, -1), bx("stco", offsets...))
	mdia := bx("mdia", bx("mdhd", 0, zeros(20)), bx("hdlr", 0, 0, "meta", zeros(12)), bx("minf", stbl))
	return bx("trak", bx("tkhd", zeros(84)), mdia)
}

func TestVideoTruncatedAnywhere(t *testing.T) {
	t.Parallel()
	data := newFilm().bytes()
	for n := 1; n < len(data); n++ {
		_, err := Clean(bytes.Clone(data[:n]), Default())
		var r *Refusal
		require.ErrorAs(t, err, &r, "cut at %d", n)
	}
}
