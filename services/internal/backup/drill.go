// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// CheckMedia reads every file that the segnalazioni name, and tells which is not there or not what its
// name, the hash of its bytes, says.
func CheckMedia(ctx context.Context, b *bus.Bus) (read int, wrong []string, err error) {
	named := map[string]bool{}
	_, err = b.Snapshot(ctx, func(batch []bus.Record, _, _ uint64) error {
		for _, r := range batch {
			if a, err := contract.ParseSubject(r.Subject); err != nil || a.Aggregate != contract.AggregateSeg {
				continue
			}
			e, err := bus.Decode(contract.Segnalazioni, r)
			if err != nil {
				continue // the check of the log tells it
			}
			for _, m := range mediaOf(e.State) {
				named[m.Hash] = true
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	for hash := range named {
		right, err := sameMedia(ctx, b, hash)
		if err != nil {
			return read, wrong, err
		}
		if read++; !right {
			wrong = append(wrong, hash)
		}
	}
	return read, wrong, nil
}

func mediaOf(s palinsesto.Segnalazione) []palinsesto.Media {
	all := append([]palinsesto.Media(nil), s.Media...)
	if s.Approval == nil {
		return all
	}
	for _, v := range s.Approval.Variants {
		for _, p := range v.Parts {
			all = append(all, p.Media...)
		}
	}
	return all
}

func sameMedia(ctx context.Context, b *bus.Bus, hash string) (bool, error) {
	r, err := b.OpenMedia(ctx, hash)
	if errors.Is(err, bus.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return false, fmt.Errorf("read media %s: %w", hash, err)
	}
	return hex.EncodeToString(sum.Sum(nil)) == hash, nil
}
