// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const (
	watchEvery = 5 * time.Second
	syncEvery  = 10 * time.Minute // a setting of a server changes when it restarts
	syncWait   = 3 * time.Second
	sayEvery   = 10 * time.Second // notifying believes a report for half a minute
)

// watch looks after the log: an embedded one that a full disk switched off is started again when there
// is room, a foreign one is asked whether it flushes what it acknowledges. After the start it gives
// memory back.
func (h *House) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	settled, asked, said := false, time.Time{}, time.Time{}
	for {
		switch {
		case h.server != nil:
			h.mend()
		case time.Since(asked) > syncEvery:
			asked = time.Now()
			h.lookAtSync(ctx)
		}
		if h.server == nil && time.Since(said) >= sayEvery {
			said = time.Now()
			h.say(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !settled && h.Report(ctx).Ready {
			settled = true
			if err := settle(); err != nil {
				h.log.Debug("memory of the start not given back", "error", err)
			}
		}
	}
}

// say tells the other processes how this one is, so that notifying knows of every room.
func (h *House) say(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	data, err := json.Marshal(h.Report(ctx))
	if err == nil {
		err = h.units[0].bus.Report(palinsesto.DeriveID("process", h.worker), data)
	}
	if err != nil {
		h.log.Debug("report not told", "error", err)
	}
}

// mend restarts an embedded server that gave up, once there is room above the floor: below it the next
// write would end it again.
func (h *House) mend() {
	if h.server.Healthy() == nil {
		return
	}
	free, err := h.folder.space()
	if err != nil || free < uint64(max(0, h.o.Config.Log.FreeSpaceFloor)) {
		h.log.Error("the log stands still: the disk is full; it is started again when there is room", "free_mib", free>>20, "error", err)
		return
	}
	h.log.Warn("there is room on the disk again: starting the log again", "free_mib", free>>20)
	if err := h.server.Restart(); err != nil {
		h.log.Error("the log could not be started again, tried anew soon", "error", err)
		return
	}
	h.log.Info("the log is back")
}

// syncWatch knows whether a server that is not ours flushes each acknowledged append.
type syncWatch struct{ text atomic.Pointer[string] }

func (s *syncWatch) warnings() []string {
	if t := s.text.Load(); t != nil && *t != "" {
		return []string{*t}
	}
	return nil
}

func (h *House) lookAtSync(ctx context.Context) {
	text := syncWarning(ctx, h.o.NATSMonitor)
	if old := h.sync.text.Swap(&text); text != "" && (old == nil || *old != text) {
		h.log.Warn("the log may lose what it acknowledged", "warning", text)
	}
}

const (
	unseen = "Non si è potuto verificare che NATS scriva su disco prima di confermare (sync_interval: always): controllarlo nella sua configurazione, o indicare il suo indirizzo di monitoraggio con --nats-monitor. (NATS: sync_interval could not be seen)"
	unsafe = "NATS conferma prima di scrivere su disco: un'interruzione di corrente perde segnalazioni già confermate. Impostare jetstream { sync_interval: always }. (NATS acknowledges before it flushes)"
)

// syncWarning asks the monitoring endpoint of a NATS server for JetStream's settings:
// https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#jetstream-information-jsz
func syncWarning(ctx context.Context, monitor string) string {
	if monitor == "" {
		return unseen
	}
	always, err := syncsAlways(ctx, strings.TrimRight(monitor, "/")+"/jsz")
	switch {
	case err != nil:
		return unseen + " " + err.Error()
	case !always:
		return unsafe
	default:
		return ""
	}
}

func syncsAlways(ctx context.Context, address string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	var answer struct {
		Config struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	}
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s: %s", req.URL.Redacted(), resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil {
		return false, err
	}
	return answer.Config.SyncAlways, nil
}
