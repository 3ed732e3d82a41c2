// SPDX-License-Identifier: AGPL-3.0-or-later

package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// Now is Sunday 22 November 2026, 12:00 in Rome.
func TestTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, start, end, expiry, want string }{
		{"in order", "evento", "2026-12-15T09:30:00+01:00", "2026-12-15T13:00:00+01:00", "2026-12-15T13:00:00+01:00", ""},
		{"end and start at once", "evento", "2026-12-15T09:30:00+01:00", "2026-12-15T09:30:00+01:00", "", ""},
		{"end before start", "evento", "2026-12-15T09:30:00+01:00", "2026-12-15T09:29:59+01:00", "", "V-FINE error ends_at"},
		{"expiry before start", "evento", "2026-12-15T09:30:00+01:00", "", "2026-12-15T09:29:59+01:00", "V-SCADENZA error expires_at"},
		{"expiry during the event", "evento", "2026-12-15T09:30:00+01:00", "2026-12-15T13:00:00+01:00", "2026-12-15T10:00:00+01:00", ""},
		{"expired", "avviso", "", "", "2026-11-22T11:59:59+01:00", "V-SCADUTA error expires_at"},
		{"expires now", "avviso", "", "", "2026-11-22T12:00:00+01:00", "V-SCADUTA error expires_at"},
		{"expires in a second", "avviso", "", "", "2026-11-22T12:00:01+01:00", "V-TARDI mark expires_at"},
		{"48 hours ahead", "evento", "2026-11-24T12:00:00+01:00", "", "", ""},
		{"just less", "evento", "2026-11-24T11:59:59+01:00", "", "", "V-TARDI mark starts_at"},
		{"begun today", "evento", "2026-11-22T09:00:00+01:00", "", "", "V-TARDI mark starts_at"},
		{"begun, not over", "evento", "2026-11-20T09:00:00+01:00", "2026-11-25T18:00:00+01:00", "", "V-TARDI mark starts_at"},
		{"over", "evento", "2026-11-21T09:00:00+01:00", "2026-11-22T12:00:00+01:00", "", "V-SCADUTA error starts_at"},
		{"yesterday", "attivita", "2026-11-21T23:59:00+01:00", "", "", "V-SCADUTA error starts_at"},
		{"a notice may have begun", "avviso", "2026-11-01T00:00:00+01:00", "", "2026-12-31T23:59:00+01:00", ""},
		{"a notice that ends soon", "avviso", "2026-11-01T00:00:00+01:00", "", "2026-11-23T23:59:00+01:00", "V-TARDI mark expires_at"},

		{"summer's offset in winter", "evento", "2026-12-16T17:30:00+02:00", "2026-12-16T18:15:00+02:00", "2026-12-16T18:15:00+02:00",
			"V-OFFSET error starts_at,V-OFFSET error ends_at,V-OFFSET error expires_at"},
		{"winter's offset in summer", "evento", "2027-07-01T17:30:00+01:00", "", "", "V-OFFSET error starts_at"},
		{"summer", "evento", "2027-07-01T17:30:00+02:00", "", "", ""},
		{"universal time", "evento", "2026-12-16T16:30:00Z", "", "", "V-OFFSET error starts_at"},
		{"a minute off", "evento", "2026-12-16T16:30:00+01:01", "", "", "V-OFFSET error starts_at"},
		// 28 March 2027: from 2:00 to 3:00. 31 October 2027: from 3:00 back to 2:00.
		{"before the gap", "evento", "2027-03-28T01:59:59+01:00", "", "", ""},
		{"in the gap, winter's", "evento", "2027-03-28T02:30:00+01:00", "", "", "V-OFFSET error starts_at"},
		{"in the gap, summer's", "evento", "2027-03-28T02:30:00+02:00", "", "", "V-OFFSET error starts_at"},
		{"after the gap", "evento", "2027-03-28T03:00:00+02:00", "", "", ""},
		{"twice: the first", "evento", "2027-10-31T02:30:00+02:00", "", "", ""},
		{"twice: the second", "evento", "2027-10-31T02:30:00+01:00", "", "", ""},
		{"after it", "evento", "2027-10-31T03:00:00+02:00", "", "", "V-OFFSET error starts_at"},
		{"from the first to the second", "evento", "2027-10-31T02:30:00+02:00", "2027-10-31T02:15:00+01:00", "", ""},
	} {
		x := event(t)
		x.Kind = palinsesto.Kind(c.kind)
		x.StartsAt, x.EndsAt, x.ExpiresAt = maybe(t, c.start), maybe(t, c.end), maybe(t, c.expiry)
		require.Equal(t, c.want, strings.Join(said(t, &x), ","), c.name)
	}
}

func maybe(t *testing.T, s string) time.Time {
	t.Helper()
	if s == "" {
		return time.Time{}
	}
	return at(t, s)
}

func TestOffsetSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	for start, want := range map[string]string{
		"2026-12-16T17:30:00+02:00": "Se l'ora è giusta scrivere 2026-12-16T17:30:00+01:00.",
		"2027-03-28T02:30:00+01:00": "L'ora 02.30 non esiste: quella notte l'orologio salta avanti (Europe/Rome). Scrivere per esempio 2027-03-28T03:30:00+02:00.",
	} {
		x := event(t)
		x.StartsAt, x.EndsAt, x.ExpiresAt = at(t, start), time.Time{}, time.Time{}
		_, ps := rules.Check(marche(t), "urbino", &x)
		require.Len(t, ps, 1)
		require.Contains(t, ps[0].Text, want)
	}
}

func TestMinLead(t *testing.T) {
	t.Parallel()
	w := marche(t)
	w.MinLead = 30 * 24 * time.Hour
	x := event(t)
	_, ps := rules.Check(w, "urbino", &x)
	require.Len(t, ps, 1)
	require.Contains(t, ps[0].Text, "meno di 720 ore")
}

func TestWhen(t *testing.T) {
	t.Parallel()
	zone := rome(t)
	require.Equal(t, "martedì 15 dicembre 2026, ore 9.30", rules.When(at(t, "2026-12-15T08:30:00Z"), zone))
	require.Equal(t, "martedì 1º dicembre 2026", rules.When(at(t, "2026-12-01T00:00:00+01:00"), zone))
	require.Equal(t, "venerdì 18 dicembre 2026", rules.Deadline(at(t, "2026-12-18T23:59:00+01:00"), zone))
	require.Equal(t, "venerdì 18 dicembre 2026, ore 0.00", rules.Deadline(at(t, "2026-12-18T00:00:00+01:00"), zone), "not the day's end")
	for _, c := range []struct{ from, to, want string }{
		{"2026-12-15T09:30:00+01:00", "2026-12-15T13:00:00+01:00", "martedì 15 dicembre 2026, ore 9.30-13.00"},
		{"2026-12-15T09:30:00+01:00", "2026-12-15T09:30:00+01:00", "martedì 15 dicembre 2026, ore 9.30"},
		{"2026-12-07T00:00:00+01:00", "2026-12-07T23:59:00+01:00", "lunedì 7 dicembre 2026"},
		{"2026-12-07T00:00:00+01:00", "2026-12-08T23:59:00+01:00", "da lunedì 7 dicembre 2026 a martedì 8 dicembre 2026"},
		{"2026-12-09T08:30:00+01:00", "2026-12-11T12:30:00+01:00", "da mercoledì 9 dicembre 2026, ore 8.30, a venerdì 11 dicembre 2026, ore 12.30"},
		{"2026-12-31T22:00:00+01:00", "2027-01-01T02:00:00+01:00", "da giovedì 31 dicembre 2026, ore 22.00, a venerdì 1º gennaio 2027, ore 2.00"},
		{"2026-08-14T22:30:00Z", "2026-08-15T08:00:00Z", "sabato 15 agosto 2026, ore 0.30-10.00"},
	} {
		require.Equal(t, c.want, rules.Span(at(t, c.from), at(t, c.to), zone))
	}
	require.Equal(t, "martedì 15 dicembre 2026, ore 9.30", rules.Span(at(t, "2026-12-15T09:30:00+01:00"), time.Time{}, zone))
}
