// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// compose makes one message of what is told at once.
func (s *Service) compose(all []palinsesto.Alert) message {
	v := voiceOf(s.cfg.Organisation.Language)
	words, silent := []string{"message"}, true
	var parts []string
	for _, a := range all {
		words = append(words, a.ID, strconv.FormatUint(a.Message, 10))
		silent = silent && a.State == palinsesto.AlertOver
		parts = append(parts, s.paragraph(v, a))
	}
	subject := v.mark(all[0]) + " " + v.title(all[0])
	if len(all) > 1 {
		subject += fmt.Sprintf(v.more, len(all)-1)
	}
	return message{id: palinsesto.DeriveID(words...), subject: cut("Palinsesto "+subject, 200),
		body: strings.Join(parts, "\n\n———\n\n"), silent: silent}
}

// paragraph is what is told of one alert: what happened, what it means, what to do, where to look.
func (s *Service) paragraph(v voice, a palinsesto.Alert) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", v.mark(a), v.title(a))
	if a.State == palinsesto.AlertOver {
		if !a.Raised.IsZero() {
			fmt.Fprintf(&b, v.lasted+"\n", a.Over.Sub(a.Raised).Round(time.Second))
		}
		return strings.TrimSpace(b.String())
	}
	t := a.Words(v.english)
	if a.Detail != "" {
		fmt.Fprintf(&b, "%s: %s\n", v.what, a.Detail)
	}
	fmt.Fprintf(&b, "%s: %s\n%s: %s\n", v.means, t.Means, v.do, t.Do)
	if !a.Raised.IsZero() {
		fmt.Fprintf(&b, "%s: %s\n", v.since, a.Raised.In(s.cfg.Location()).Format("02/01/2006 15:04"))
	}
	if link := s.link(a); link != "" {
		fmt.Fprintf(&b, "%s: %s\n", v.look, link)
	}
	fmt.Fprintf(&b, "%s: deploy/OPERATORS.md, «%s»", v.handbook, a.Kind)
	return b.String()
}

// link shows the things in the API; empty where people have no address for it.
func (s *Service) link(a palinsesto.Alert) string {
	base := ""
	if s.PublicURL != nil {
		base = s.PublicURL()
	}
	if base == "" {
		return ""
	}
	q := url.Values{}
	switch a.Kind {
	case palinsesto.AlertFailed, palinsesto.AlertUncertain, palinsesto.AlertMissed:
		_, state, _ := strings.Cut(string(a.Kind), ".")
		q.Set("state", state)
	case palinsesto.AlertHand:
	case palinsesto.AlertReconnect:
		q.Set("state", string(palinsesto.PostHeld))
	case palinsesto.AlertNothingDue:
		return base + "/api/v1/segnalazioni?state=submitted"
	case palinsesto.AlertRoom, palinsesto.AlertIndex, palinsesto.AlertDisk, palinsesto.AlertClock, palinsesto.AlertBackup,
		palinsesto.AlertDead, palinsesto.AlertLog:
		return base + "/readyz"
	}
	q.Set("channel", a.Scope)
	if a.Cause != "" {
		q.Set("cause", a.Cause)
	}
	return base + "/api/v1/posts?" + q.Encode()
}

// voice is the language in which people are told.
type voice struct {
	english                                bool
	open, over, more, lasted               string
	what, means, do, since, look, handbook string
}

func voiceOf(language string) voice {
	if strings.HasPrefix(language, "it") {
		return italian()
	}
	return english()
}

func (v voice) mark(a palinsesto.Alert) string {
	if a.State == palinsesto.AlertOver {
		return v.over
	}
	return v.open
}

func (v voice) title(a palinsesto.Alert) string { return a.Words(v.english).Title }
