// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// AlikeFrom is the share of words in common from which two texts are taken for the same news. In the
// newsroom's samples the planted pair has 0.75 and the next one 0.18.
const AlikeFrom = 0.6

// Similar tells whether two contents of one centre look like the same news, and why, in Italian.
func Similar(a, b palinsesto.Content) (why string, similar bool) {
	if code := OfferCode(a); code != "" && code == OfferCode(b) {
		return "stesso codice offerta: " + code, true
	}
	if share := Alike(Fingerprint(a), Fingerprint(b)); share >= AlikeFrom {
		return fmt.Sprintf("testo simile al %d %%", int(share*100)), true
	}
	return "", false
}

// offerCode has no \b: in RE2 it knows ASCII only.
var offerCode = regexp.MustCompile(`(?:^|[^\p{L}\p{M}\p{N}])(?:CODICE|COD\.?)\s*(?:DELL'|DI )?OFFERTA\s*(?:N\.?|N°|Nº)?\s*[:.=-]?\s*([A-Z0-9][A-Z0-9/_.-]{2,39})`)

// OfferCode is the code by which an offer is known, in capitals and plain hyphens; empty: none is given.
func OfferCode(c palinsesto.Content) string {
	for _, m := range offerCode.FindAllStringSubmatch(foldSigns(c.Title+"\n"+c.Body), -1) {
		code := strings.TrimRight(m[1], "/_.-")
		if strings.ContainsAny(code, "0123456789") && len(code) >= 3 {
			return code
		}
	}
	return ""
}

// foldSigns brings a text to NFC, capitals, and the hyphens and apostrophes of a keyboard.
func foldSigns(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		switch {
		case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xFE58, r == 0xFE63, r == 0xFF0D:
			return '-'
		case r == '\u2018', r == '\u2019', r == '\u02BC', r == '\uFF07':
			return '\''
		case unicode.IsSpace(r) && r != '\n':
			return ' '
		default:
			return r
		}
	}, norm.NFC.String(s)))
}

// Fingerprint is the set of words of title and body, sorted: enough to compare without the texts.
func Fingerprint(c palinsesto.Content) []string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFC.String(c.Title+"\n"+c.Body)), func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N)
	})
	slices.Sort(words)
	return slices.Compact(words)
}

// Alike is the Jaccard index of two fingerprints: words in common to words in all.
func Alike(a, b []string) float64 {
	common, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			common++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	all := len(a) + len(b) - common
	if all == 0 {
		return 0
	}
	return float64(common) / float64(all)
}
