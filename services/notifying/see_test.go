// SPDX-License-Identifier: AGPL-3.0-or-later

package notifying

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/config"
	"github.com/palinsesto/palinsesto/services/internal/telemetry"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

func well(names ...string) telemetry.Report {
	r := telemetry.Report{Ready: true, Index: telemetry.IndexReport{Ready: true}, Rooms: map[string]telemetry.RoomReport{}}
	for _, n := range names {
		r.Rooms[n] = telemetry.RoomReport{Ready: true, State: running, Bus: true}
	}
	return r
}

func with(r telemetry.Report, change func(*telemetry.Report)) telemetry.Report {
	change(&r)
	return r
}

// Of several things that are wrong because of one, that one is told.
func TestWhatIsWrongWithTheHouse(t *testing.T) {
	const floor = 512 << 20
	for name, c := range map[string]struct {
		own    telemetry.Report
		others []telemetry.Report
		want   []string // kind and scope
	}{
		"well":       {own: well("intake", "scheduling")},
		"well apart": {own: well("intake"), others: []telemetry.Report{well("scheduling")}},
		"one copy of two": {own: well("intake"), want: nil, others: []telemetry.Report{well("scheduling"),
			with(well(), func(r *telemetry.Report) {
				r.Rooms["scheduling"] = telemetry.RoomReport{State: "restarting", Bus: true}
			})}},
		"a room is nowhere": {own: well("intake"), want: []string{"house.room scheduling"}},
		"a room restarts": {own: with(well("intake"), func(r *telemetry.Report) {
			r.Rooms["scheduling"] = telemetry.RoomReport{State: "restarting", Bus: true, Error: "boom"}
		}), want: []string{"house.room scheduling"}},
		"the index is away, and scheduling waits for it": {own: with(well("intake"), func(r *telemetry.Report) {
			r.Index.Ready = false
			r.Rooms["scheduling"] = telemetry.RoomReport{State: running, Bus: true}
		}), want: []string{"house.index "}},
		"the index lags": {own: with(well("intake", "scheduling"), func(r *telemetry.Report) { r.Index.Lag = 6000 }), want: []string{"house.index "}},
		"the clock is off": {own: with(well("intake"), func(r *telemetry.Report) {
			r.Rooms["scheduling"] = telemetry.RoomReport{State: running, Bus: true, Facts: map[string]any{"clock_off_ms": int64(-4000)}}
		}), want: []string{"house.clock "}},
		"little disk": {own: with(well("intake", "scheduling"), func(r *telemetry.Report) {
			r.Disk = &telemetry.DiskReport{Free: floor + 1, Floor: floor, OK: true}
		}), want: []string{"house.disk "}},
		"no disk": {own: with(well("intake", "scheduling"), func(r *telemetry.Report) {
			r.Disk = &telemetry.DiskReport{Free: floor - 1, Floor: floor}
		}), want: []string{"house.disk "}},
		"disk enough": {own: with(well("intake", "scheduling"), func(r *telemetry.Report) {
			r.Disk = &telemetry.DiskReport{Free: 4 * floor, Floor: floor, OK: true}
		})},
		"old backup": {own: with(well("intake", "scheduling"), func(r *telemetry.Report) {
			r.Backup = &telemetry.BackupReport{Text: "vecchio"}
		}), want: []string{"house.backup "}},
		"the log is away": {own: with(well(), func(r *telemetry.Report) {
			r.Index.Ready = false
			r.Rooms["intake"] = telemetry.RoomReport{State: running}
			r.Rooms["scheduling"] = telemetry.RoomReport{State: running}
		}), want: []string{"house.log "}},
	} {
		t.Run(name, func(t *testing.T) {
			s := room(t)
			s.Report = func(context.Context) telemetry.Report { return c.own }
			for i, r := range c.others {
				data, err := json.Marshal(r) // numbers become floats on the way
				require.NoError(t, err)
				s.hear(string(rune('a'+i)), data)
			}
			p := newPicture()
			s.seeHouse(t.Context(), &p)
			var got []string
			for _, x := range p.wrong {
				got = append(got, string(x.kind)+" "+x.scope)
			}
			require.ElementsMatch(t, c.want, got)
		})
	}
}

// room is one that never runs.
func room(t *testing.T) *Service {
	t.Helper()
	h := house{t: t, bus: bustestBus(t)}
	h.cfg = &config.Config{Organisation: config.Organisation{Timezone: "Europe/Rome", Language: "it"},
		Channels: []config.Channel{{ID: tg}}, Alerts: config.Alerts{NothingDue: true, NothingDueAt: 9 * 60, Closed: []string{"2026-12-24"}}}
	s, err := New(h.cfg, Deps{Bus: h.bus, Clock: time.Now, Log: quiet(), Rooms: []string{"intake", "scheduling"}})
	require.NoError(t, err)
	return s
}

func TestHostileReports(t *testing.T) {
	s := room(t)
	s.hear("a", []byte("{"))
	s.hear("b", []byte(`{"rooms":{"intake":{"facts":{"clock_off_ms":"many"}}}}`))
	for i := range 1000 {
		s.hear(string(rune('A'+i)), []byte("{}"))
	}
	require.LessOrEqual(t, len(s.reports), mostReports)
	p := newPicture()
	require.False(t, s.seeClock(s.others(), &p))
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"ready":true,"rooms":{"intake":{"ready":true,"facts":{"clock_off_ms":3000}}},"disk":{"free":1,"floor":2},"backup":{"ok":false}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		s := &Service{Deps: Deps{Log: quiet()}, reports: map[string]heard{}}
		s.hear("x", data)
		p := newPicture()
		all := s.others()
		s.seeDisk(all, &p)
		s.seeBackup(all, &p)
		s.seeClock(all, &p)
		s.seeRooms(all, false, &p)
	})
}

func TestAGivenUpEventIsTold(t *testing.T) {
	s := room(t)
	_, err := s.Bus.Append(t.Context(), bus.Append{Subject: contract.AlertSubject(palinsesto.AlertID(palinsesto.AlertDisk, "", "")), Event: "raised", Data: []byte("?")})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Bus.Consume(ctx, bus.Consumer{Name: "t", Filters: []string{contract.AllAlerts}}, func(context.Context, bus.Delivery) error {
			return bus.Drop(context.Canceled)
		})
	}()
	require.Eventually(t, func() bool {
		p := newPicture()
		s.seeDead(t.Context(), &p)
		return len(p.wrong) == 1
	}, patience, 5*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
}

func TestAChannelThatLostItsConnection(t *testing.T) {
	h := newHouse(t)
	s := h.room("w1", nil)
	for _, id := range []string{tg, "gone-from-the-configuration"} {
		_, err := bus.Put(t.Context(), h.bus, contract.Channels, contract.Event[palinsesto.Channel]{Subject: contract.ChannelSubject(id)},
			palinsesto.ChannelWasNeedsReconnect, contract.Envelope{}, palinsesto.Channel{ID: id, State: palinsesto.ChannelNeedsReconnect, Reason: "token"})
		require.NoError(t, err)
	}
	h.eventually("seen", func() bool {
		p := newPicture()
		return s.seeChannels(t.Context(), &p) == nil && len(p.wrong) == 1 && slices.Collect(maps.Values(p.wrong))[0].scope == tg
	})
}
