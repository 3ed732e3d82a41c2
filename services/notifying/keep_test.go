// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// Twelve posts of one channel with one cause are one message; what comes later waits for the quiet time;
// the end is told once.
func TestOneCauseIsOneAlert(t *testing.T) {
	h, chat := newHouse(t), &recorder{}
	s := h.room("w1", map[string]sender{"telegram": chat})
	var off atomic.Int64
	s.Clock = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	inBackground(t, s.Run)
	seqs := h.fail(0, 12)
	h.eventually("told", func() bool { return len(chat.messages()) > 0 })
	require.Equal(t, []string{"[AVVISO] 12 post rifiutati su telegram-marche (content)"}, chat.titles())
	require.Contains(t, chat.messages()[0], "https://palinsesto.example.org/api/v1/posts?cause=content&channel=telegram-marche&state=failed")

	seqs = append(seqs, h.fail(12, 15)...)
	h.eventually("seen", func() bool {
		n, err := h.index.Counts(t.Context(), setPosts, "state")
		return err == nil && n["failed"] == 15
	})
	off.Store(int64(2 * time.Hour)) // the quiet time is over
	h.eventually("grown", func() bool { return len(chat.messages()) > 1 })
	require.Equal(t, "[AVVISO] 15 post rifiutati su telegram-marche (content)", chat.titles()[1])

	for n, seq := range seqs {
		h.post(n, palinsesto.PostWasRequeued, palinsesto.PostQueued, "", seq)
	}
	h.eventually("over", func() bool { return len(chat.messages()) > 2 })
	require.Equal(t, "[RISOLTO] 15 post rifiutati su telegram-marche (content)", chat.titles()[2])
	h.eventually("written", func() bool {
		return !h.alert(palinsesto.AlertFailed, tg, "content").Behind("telegram")
	})
	require.Len(t, chat.messages(), 3)
}

func TestARestartTellsNothingTwice(t *testing.T) {
	h, chat := newHouse(t), &recorder{}
	stop := inBackground(t, h.room("w1", map[string]sender{"telegram": chat}).Run)
	h.fail(0, 2)
	h.eventually("written", func() bool {
		a := h.alert(palinsesto.AlertFailed, tg, "content")
		return a.Message == 1 && !a.Behind("telegram")
	})
	stop()
	again := h.room("w2", map[string]sender{"telegram": chat})
	inBackground(t, again.Run)
	h.post(7, palinsesto.PostWasUncertain, palinsesto.PostUncertain, "crash", 0)
	h.eventually("the new one is told", func() bool { return len(chat.messages()) > 1 })
	require.Equal(t, []string{"[AVVISO] 2 post rifiutati su telegram-marche (content)", "[AVVISO] 1 post incerti su telegram-marche (crash)"}, chat.titles())
}

func TestTwoCopiesTellOnce(t *testing.T) {
	h, chat := newHouse(t), &recorder{}
	for _, worker := range []string{"w1", "w2"} {
		inBackground(t, h.room(worker, map[string]sender{"telegram": chat}).Run)
	}
	const causes = 8
	var seqs []uint64
	for n := range causes {
		seqs = append(seqs, h.post(n, palinsesto.PostWasFailed, palinsesto.PostFailed, fmt.Sprint("cause-", n), 0))
	}
	h.eventually("all told", func() bool { return len(chat.titles()) >= causes })
	for n, seq := range seqs {
		h.post(n, palinsesto.PostWasCancelled, palinsesto.PostCancelled, "", seq)
	}
	h.eventually("all over", func() bool { return len(chat.titles()) >= 2*causes })
	for n := range causes {
		h.eventually("written", func() bool { return !h.alert(palinsesto.AlertFailed, tg, fmt.Sprint("cause-", n)).Behind("telegram") })
	}
	titles := chat.titles()
	require.Len(t, titles, 2*causes)
	seen := map[string]bool{}
	for _, title := range titles {
		require.False(t, seen[title], title)
		seen[title] = true
	}
}

// A mail server that is away keeps nothing from the chat, and gets what it missed after a restart.
func TestAWayThatFailsLosesNothing(t *testing.T) {
	h, chat, mail := newHouse(t), &recorder{}, &recorder{down: true}
	ways := map[string]sender{"telegram": chat, "mail": mail}
	first := h.room("w1", ways)
	stop := inBackground(t, first.Run)
	h.fail(0, 1)
	h.eventually("the chat is told", func() bool { return len(chat.messages()) == 1 })
	h.eventually("the room says it", func() bool { return first.Facts()["mail"] != "ok" })
	require.NotContains(t, first.Facts()["mail"], "421", "why stands in the log")
	stop()
	inBackground(t, h.room("w2", ways).Run)
	mail.set(false)
	h.eventually("mail is told", func() bool { return len(mail.messages()) == 1 })
	h.eventually("written", func() bool {
		a := h.alert(palinsesto.AlertFailed, tg, "content")
		return !a.Behind("mail") && !a.Behind("telegram")
	})
	require.Len(t, chat.messages(), 1)
}

// Who dies while telling is given up after a while: it may be told twice, and not never.
func TestAClaimLapses(t *testing.T) {
	h := newHouse(t)
	claimed := make(chan struct{})
	dead := &recorder{down: true, hit: func() {
		select {
		case claimed <- struct{}{}:
		default:
		}
	}}
	stop := inBackground(t, h.room("w1", map[string]sender{"telegram": dead}).Run)
	h.fail(0, 1)
	<-claimed
	stop()
	chat := &recorder{}
	inBackground(t, h.room("w2", map[string]sender{"telegram": chat}).Run)
	h.eventually("told by the other", func() bool { return len(chat.messages()) == 1 })
}

// What the log cannot take is told past it, once, and its end too.
func TestTheLogAway(t *testing.T) {
	h, chat := newHouse(t), &recorder{}
	s := h.room("w1", map[string]sender{"telegram": chat})
	var away atomic.Bool
	s.Report = func(context.Context) telemetry.Report {
		return telemetry.Report{Index: telemetry.IndexReport{Ready: true},
			Rooms: map[string]telemetry.RoomReport{"intake": {Ready: !away.Load(), Bus: !away.Load(), State: running}}}
	}
	away.Store(true)
	s.keep.pending[palinsesto.AlertID(palinsesto.AlertLog, "", "")] = pending{since: time.Now().Add(-time.Hour)}
	gone, err := bus.Connect(t.Context(), bus.Options{Name: "gone", Server: h.server, User: "test", Password: "test", Log: quiet()})
	require.NoError(t, err)
	gone.Close() // appends fail from here on
	s.Bus = gone
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.tellBy(ctx, s.ways[0]) }()
	s.look(ctx)
	s.look(ctx)
	h.eventually("told", func() bool { return len(chat.messages()) == 1 })
	away.Store(false)
	s.look(ctx)
	h.eventually("its end too", func() bool { return len(chat.messages()) == 2 })
	require.Equal(t, []string{"[AVVISO] il registro non si raggiunge", "[RISOLTO] il registro non si raggiunge"}, chat.titles())
	cancel()
	require.NoError(t, <-ended)
}

func TestManyCausesAreFewMessages(t *testing.T) {
	h, mail := newHouse(t), &recorder{down: true}
	inBackground(t, h.room("w1", map[string]sender{"mail": mail}).Run)
	const causes = 25
	for n := range causes {
		h.post(n, palinsesto.PostWasFailed, palinsesto.PostFailed, fmt.Sprint("cause-", n), 0)
	}
	h.eventually("all raised", func() bool {
		for n := range causes {
			if h.alert(palinsesto.AlertFailed, tg, fmt.Sprint("cause-", n)).Message == 0 {
				return false
			}
		}
		return true
	})
	mail.set(false)
	h.eventually("all told", func() bool { return len(mail.titles()) >= causes })
	require.Len(t, mail.titles(), causes)
	require.LessOrEqual(t, len(mail.messages()), 4)
}

func TestReminder(t *testing.T) {
	h := newHouse(t)
	h.cfg.Alerts.Remind = 24 * time.Hour
	s := h.room("w1", nil)
	now := time.Now()
	s.Clock = func() time.Time { return now }
	a := palinsesto.Alert{State: palinsesto.AlertOpen, Count: 3, Decided: now.Add(-30 * time.Minute)}
	for _, c := range []struct {
		count int
		after time.Duration
		grave bool
		want  string
	}{
		{3, 0, false, ""},
		{2, 2 * time.Hour, false, ""},
		{5, 0, false, ""},
		{5, 0, true, palinsesto.AlertWasGrown},
		{5, time.Hour, false, palinsesto.AlertWasGrown},
		{3, 24 * time.Hour, false, palinsesto.AlertWasReminded},
	} {
		now = a.Decided.Add(30*time.Minute + c.after)
		require.Equal(t, c.want, s.again(a, condition{count: c.count, grave: c.grave}), "%+v", c)
	}
}

func TestFailingWaysBackOff(t *testing.T) {
	s := newHouse(t).room("w1", nil)
	s.pace.first, s.pace.last = time.Second, time.Minute
	w := newWay("mail", &recorder{})
	last := time.Duration(0)
	for range 30 {
		wait := s.failing(w, 1, errors.New("https://u:p@h: 421"))
		require.LessOrEqual(t, wait, 75*time.Second)
		require.GreaterOrEqual(t, wait, min(last, 48*time.Second)*4/5)
		last = wait
	}
	require.NotContains(t, w.health(), "u:p")
}
