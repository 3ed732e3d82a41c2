// SPDX-License-Identifier: AGPL-3.0-or-later

package indexing

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// holdWait bounds how long the rebuild waits for the hold: without scheduling nothing is handed over
// either, but people want to see their lists.
const holdWait = 5 * time.Second

// stopAhead stops everything before an index that knew more than the log is thrown away: the log is
// an older copy, and what was published after it was taken is not known here. The index is the only
// witness, so the stop comes before the rebuild; if scheduling is not there yet, it goes on being
// asked for.
func (s *Service) stopAhead(ctx context.Context, m index.Meta, last uint64) {
	s.Log.Error("the index is ahead of the log: an older copy of the log was put back; everything is stopped until a person lifts the hold",
		"index", m.Seq, "log", last)
	cmd := palinsesto.PlaceHold{
		Command: palinsesto.Command{
			ID:    palinsesto.DeriveID("ahead", m.Log, strconv.FormatUint(m.Seq, 10), strconv.FormatUint(last, 10)),
			Actor: s.actor,
		},
		Scope: palinsesto.ScopeAll,
		Reason: fmt.Sprintf("Il registro è una copia più vecchia dell'indice (%d eventi invece di %d): quello che è stato pubblicato dopo la copia qui non si conosce. "+
			"Controllare sui canali i post non conclusi, poi togliere il fermo.", last, m.Seq),
	}
	placed := make(chan struct{})
	s.work.Go(func() {
		defer close(placed)
		for {
			err := s.placeHold(ctx, cmd)
			if err == nil {
				return
			}
			s.Log.Warn("the hold is not placed yet", "error", err)
			if !wait(ctx, beat) {
				return
			}
		}
	})
	t := time.NewTimer(holdWait)
	defer t.Stop()
	select {
	case <-placed:
	case <-ctx.Done():
	case <-t.C:
	}
}

func (s *Service) placeHold(ctx context.Context, cmd palinsesto.PlaceHold) error {
	data, err := contract.EncodePlaceHold(cmd)
	if err != nil {
		return err
	}
	_, err = s.Bus.Request(ctx, "scheduling", "hold", data)
	return err
}
