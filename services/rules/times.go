// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func (k *checker) times() {
	c := k.c
	k.offset("starts_at", c.StartsAt)
	k.offset("ends_at", c.EndsAt)
	k.offset("expires_at", c.ExpiresAt)
	if dated(c.Kind) && c.StartsAt.IsZero() {
		k.refuse(codeField, "starts_at", "Manca l'inizio. Scrivere quando comincia, per esempio 2026-12-15T09:30:00+01:00.",
			"The start is missing. Write when it begins, such as 2026-12-15T09:30:00+01:00.")
	}
	if c.Kind == palinsesto.KindOfferta && c.ExpiresAt.IsZero() {
		k.refuse(codeNoExpiry, "expires_at", "L'offerta non ha scadenza. Scrivere fino a quando ci si può candidare: dopo non sarà pubblicata.",
			"The offer has no deadline. Write until when one can apply: after it the offer is not published.")
	}
	k.order()
	k.over()
}

func (k *checker) order() {
	c := k.c
	if !c.StartsAt.IsZero() && !c.EndsAt.IsZero() && c.EndsAt.Before(c.StartsAt) {
		k.refuse(codeEnd, "ends_at", "La fine viene prima dell'inizio. Correggere una delle due.", "The end comes before the start. Correct one of them.")
	}
	if !c.StartsAt.IsZero() && !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(c.StartsAt) {
		k.refuse(codeExpiry, "expires_at", "La scadenza viene prima dell'inizio: non ci sarebbe nulla da pubblicare in tempo. Correggerla o toglierla.",
			"The expiry comes before the start. Correct or remove it.")
	}
}

// over tells what is past, and what is so near that the newsroom has to hurry.
func (k *checker) over() {
	c := k.c
	switch now := k.w.Now; {
	case !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(now):
		k.refuse(codeExpired, "expires_at", fmt.Sprintf("È scaduta: %s. Correggere la data, se è sbagliata; altrimenti non c'è più nulla da pubblicare.", Deadline(c.ExpiresAt, k.w.Location)),
			"It has expired. Correct the date if it is wrong; else there is nothing left to publish.")
	case dated(c.Kind) && !c.StartsAt.IsZero() && k.finished():
		k.refuse(codeExpired, "starts_at", fmt.Sprintf("È già passato: %s. Correggere la data, se è sbagliata.", When(c.StartsAt, k.w.Location)),
			"It is over already. Correct the date if it is wrong.")
	default:
		k.late()
	}
}

// finished: what has no end lasts, as far as we can know, until the day is over.
func (k *checker) finished() bool {
	if !k.c.EndsAt.IsZero() {
		return !k.c.EndsAt.After(k.w.Now)
	}
	y, m, d := k.c.StartsAt.In(k.w.Location).Date()
	return !k.w.Now.Before(time.Date(y, m, d+1, 0, 0, 0, 0, k.w.Location))
}

func (k *checker) late() {
	first, field := time.Time{}, ""
	for _, x := range []struct {
		field string
		at    time.Time
	}{{"starts_at", k.c.StartsAt}, {"expires_at", k.c.ExpiresAt}} {
		if !x.at.IsZero() && (x.at.After(k.w.Now) || dated(k.c.Kind)) && (first.IsZero() || x.at.Before(first)) {
			first, field = x.at, x.field
		}
	}
	if !first.IsZero() && first.Sub(k.w.Now) < k.w.MinLead {
		k.mark(codeLate, field, fmt.Sprintf("È tardi: mancano meno di %d ore. La redazione potrebbe non fare in tempo.", int(k.w.MinLead.Hours())),
			fmt.Sprintf("It is late: less than %d hours are left. The newsroom may not make it.", int(k.w.MinLead.Hours())))
	}
}

// offset refuses a moment whose offset is not the zone's then: either the hour or the offset is wrong,
// and whoever wrote it must say which. In the hour that comes twice both offsets are right; in the one
// that does not exist none is.
func (k *checker) offset(field string, t time.Time) {
	if t.IsZero() {
		return
	}
	if it, en := FaultOfOffset(t, k.w.Location); it != "" {
		k.refuse(codeOffset, field, it, en)
	}
}

// FaultOfOffset tells what is wrong with the offset of a moment that was written for a zone; empty: nothing.
func FaultOfOffset(t time.Time, zone *time.Location) (it, en string) {
	_, have := t.Zone()
	_, want := t.In(zone).Zone()
	if have == want {
		return "", ""
	}
	wall := t.Format("2006-01-02T15:04:05")
	fixed := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	suggestion := fixed.Format(time.RFC3339)
	if fixed.Format("2006-01-02T15:04:05") != wall {
		return fmt.Sprintf("L'ora %s non esiste: quella notte l'orologio salta avanti (%s). Scrivere per esempio %s.", t.Format("15.04"), zone, suggestion),
			fmt.Sprintf("The hour %s does not exist: that night clocks go forward (%s). Write %s, say.", t.Format("15:04"), zone, suggestion)
	}
	return fmt.Sprintf("Lo scarto %s non è quello di %s in quel momento. Se l'ora è giusta scrivere %s.", t.Format("Z07:00"), zone, suggestion),
		fmt.Sprintf("The offset %s is not that of %s at that moment. If the hour is right write %s.", t.Format("Z07:00"), zone, suggestion)
}
