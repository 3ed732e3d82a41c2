// SPDX-License-Identifier: AGPL-3.0-or-later

package clean

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxCues      = 20_000
	maxCueLines  = 20
	maxLineBytes = 2_000
)

var bom = []byte("\xef\xbb\xbf")

// sniffCaptions recognises WebVTT by its signature and SubRip by a timing line near its start.
func sniffCaptions(data []byte) (format, bool, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		if head := bytes.ReplaceAll(data[:min(len(data), sniffBytes)], []byte{0}, nil); bytes.Contains(head, []byte("-->")) {
			return 0, false, notUTF8(0)
		}
	}
	head := bytes.TrimPrefix(data[:min(len(data), sniffBytes)], bom)
	if rest, ok := bytes.CutPrefix(head, []byte("WEBVTT")); ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0) {
		return formatVTT, true, nil
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	line, rest := cutLine(head)
	if number(line) {
		line, _ = cutLine(rest)
	}
	return formatSRT, bytes.Contains(line, []byte("-->")) && !bytes.ContainsRune(line, 0), nil
}

func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return b, nil
	}
	return b[:i], bytes.TrimLeft(b[i:], "\r\n")
}

func number(line []byte) bool {
	line = bytes.TrimSpace(line)
	for _, c := range line {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(line) > 0
}

// captions reads cues and writes them again, so that what is kept holds nothing but cues.
type captions struct {
	vtt     bool
	lines   []string
	at      int // index of the next line
	cues    int
	empty   int // cues without text, left out
	skipped int // notes, styles, regions, left out
	control int // control characters, left out
	last    time.Duration
	out     strings.Builder
}

// cleanCaptions parses SubRip or WebVTT (https://www.w3.org/TR/webvtt1/) cue by cue.
func cleanCaptions(data []byte, f format, lim Limits) (Result, error) {
	if int64(len(data)) > lim.MaxCaptionBytes {
		return Result{}, tooManyBytes(len(data), lim.MaxCaptionBytes)
	}
	data = bytes.TrimPrefix(data, bom)
	if !utf8.Valid(data) {
		return Result{}, notUTF8(firstBadLine(data))
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	c := &captions{vtt: f == formatVTT}
	// Before any parsing: what a control character splits must not come together afterwards.
	c.lines = strings.Split(strings.Map(c.printable, text), "\n")
	if err := c.parse(); err != nil {
		return Result{}, err
	}
	res := Result{Data: []byte(c.out.String()), Kind: Captions, MIME: "application/x-subrip", Ext: ".srt", Duration: c.last}
	if c.vtt {
		res.MIME, res.Ext = "text/vtt", ".vtt"
	}
	res.Notes = c.notes()
	return res, nil
}

func (c *captions) parse() error {
	if c.vtt {
		c.out.WriteString("WEBVTT\n\n")
		c.at++
		for c.at < len(c.lines) && !strings.Contains(c.lines[c.at], "-->") && strings.TrimSpace(c.lines[c.at]) != "" {
			c.at++ // header lines after the signature
		}
	}
	for c.at < len(c.lines) {
		if strings.TrimSpace(c.lines[c.at]) == "" {
			c.at++
			continue
		}
		if c.vtt && aside(c.lines[c.at]) {
			c.skipped++
			c.skipBlock()
			continue
		}
		if err := c.cue(); err != nil {
			return err
		}
	}
	if c.cues == 0 {
		return refuse("I sottotitoli sono vuoti: non c'è nemmeno una battuta con il suo testo. Controlla il file e caricalo di nuovo.",
			"The captions are empty: there is not one cue with a text. Check the file and upload it again.")
	}
	return nil
}

// aside tells the blocks of WebVTT that are not cues.
func aside(line string) bool {
	word, _, _ := strings.Cut(strings.TrimRight(line, " \t"), " ")
	return !strings.Contains(line, "-->") && (word == "NOTE" || word == "STYLE" || word == "REGION")
}

func (c *captions) skipBlock() {
	for c.at < len(c.lines) && strings.TrimSpace(c.lines[c.at]) != "" {
		c.at++
	}
}

// cue reads an optional name or number, a timing line and the text up to the next empty line.
func (c *captions) cue() error {
	first := c.at
	if !strings.Contains(c.lines[c.at], "-->") {
		if c.at++; c.at == len(c.lines) || !strings.Contains(c.lines[c.at], "-->") {
			return badLine(first, "dopo il numero della battuta manca la riga dei tempi (00:00:01,000 --> 00:00:04,000)",
				"the number of the cue is not followed by a line of times (00:00:01,000 --> 00:00:04,000)")
		}
	}
	timing := c.at
	start, end, err := times(c.lines[timing])
	if err != nil {
		return badLine(timing, "i tempi non si leggono: si scrivono 00:00:01,000 --> 00:00:04,000",
			"the times cannot be read: they are written 00:00:01,000 --> 00:00:04,000")
	}
	if end <= start {
		return badLine(timing, "la battuta finisce prima di cominciare", "the cue ends before it begins")
	}
	c.at++
	text, err := c.text()
	if err != nil {
		return err
	}
	if text == "" {
		c.empty++
		return nil
	}
	if c.cues++; c.cues > maxCues {
		return badLine(timing, fmt.Sprintf("ci sono più di %d battute", maxCues), fmt.Sprintf("there are more than %d cues", maxCues))
	}
	c.write(start, end, text)
	return nil
}

func (c *captions) text() (string, error) {
	var b strings.Builder
	for n := 0; c.at < len(c.lines); c.at++ {
		line := strings.TrimRightFunc(c.lines[c.at], unicode.IsSpace)
		if line == "" {
			break
		}
		if strings.Contains(line, "-->") {
			return "", badLine(c.at, "prima di questa battuta manca una riga vuota", "an empty line is missing before this cue")
		}
		if n++; n > maxCueLines || len(line) > maxLineBytes {
			return "", badLine(c.at, "la battuta è troppo lunga", "the cue is too long")
		}
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

func (c *captions) printable(r rune) rune {
	if unicode.IsControl(r) && r != '\t' && r != '\n' {
		c.control++
		return -1
	}
	return r
}

// write numbers SubRip cues anew; names and settings of WebVTT cues are left out, no network uses them.
func (c *captions) write(start, end time.Duration, text string) {
	point := ","
	if c.vtt {
		point = "."
	} else {
		fmt.Fprintf(&c.out, "%d\n", c.cues)
	}
	fmt.Fprintf(&c.out, "%s --> %s\n%s\n", clock(start, point), clock(end, point), text)
	c.last = max(c.last, end)
}

func (c *captions) notes() []string {
	var out []string
	for _, n := range []struct {
		count int
		text  string
	}{
		{c.empty, "Battute senza testo tolte: %d"},
		{c.skipped, "Note e stili tolti: %d"},
		{c.control, "Caratteri di controllo tolti: %d"},
	} {
		if n.count > 0 {
			out = append(out, fmt.Sprintf(n.text, n.count))
		}
	}
	return out
}

func badLine(index int, it, en string) *Refusal {
	return refuse(
		fmt.Sprintf("I sottotitoli hanno un errore alla riga %d: %s. Correggi la riga e caricali di nuovo.", index+1, it),
		fmt.Sprintf("The captions have an error in line %d: %s. Correct the line and upload them again.", index+1, en))
}

func notUTF8(line int) *Refusal {
	it, en := "", ""
	if line > 0 {
		it, en = fmt.Sprintf(" (riga %d)", line), fmt.Sprintf(" (line %d)", line)
	}
	return refuse("I sottotitoli non sono in UTF-8"+it+": le lettere accentate uscirebbero sbagliate. Salvali con la codifica UTF-8 e caricali di nuovo.",
		"The captions are not in UTF-8"+en+": accented letters would come out wrong. Save them with the encoding UTF-8 and upload them again.")
}

func firstBadLine(data []byte) int {
	for n := 1; ; n++ {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		if !utf8.Valid(line) || !more {
			return n
		}
		data = rest
	}
}
