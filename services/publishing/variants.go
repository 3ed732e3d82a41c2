// SPDX-License-Identifier: AGPL-3.0-or-later

package publishing

import (
	"context"
	"errors"
	"sync"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

var (
	errNotApproved = errors.New("publishing: this content is not what is approved now")
	// errAltered: the bytes do not give the hash under which they were approved.
	errAltered = errors.New("publishing: this content is not what its hash names")
)

// keepVariants bounds how many contents are remembered between the posts of one segnalazione.
const keepVariants = 512

// variants reads approved contents and remembers some: the posts of one segnalazione come together. A
// remembered one can be outdated only as regards whether it is still approved, and that is what the
// second look asks; its bytes are named by their hash.
type variants struct {
	b  *bus.Bus
	mu sync.Mutex
	by map[string]palinsesto.Variant // by channel and hash
}

func newVariants(b *bus.Bus) *variants {
	return &variants{b: b, by: make(map[string]palinsesto.Variant)}
}

func (v *variants) find(ctx context.Context, p palinsesto.Post) (palinsesto.Variant, error) {
	if x, ok := v.get(p.Channel + p.Hash); ok {
		return x, nil
	}
	seg, err := bus.Load(ctx, v.b, contract.Segnalazioni, contract.SegSubject(p.Centre, p.Segnalazione))
	if err != nil && !errors.Is(err, bus.ErrNone) {
		return palinsesto.Variant{}, err
	}
	v.keep(seg.State)
	x, ok := seg.State.Variant(p.Channel)
	if !ok || x.Hash != p.Hash {
		return palinsesto.Variant{}, errNotApproved
	}
	// The hash is counted again from the bytes: what goes out is what was approved.
	if palinsesto.HashParts(x.Parts) != p.Hash {
		return palinsesto.Variant{}, errAltered
	}
	return x, nil
}

// historyMost bounds how far back earlier looks.
const historyMost = 1000

// earlier reads the content that a post went out with, which may be approved no more: it stands in the
// history of its segnalazione.
func (v *variants) earlier(ctx context.Context, p palinsesto.Post) (palinsesto.Variant, error) {
	if x, ok := v.get(p.Channel + p.Hash); ok {
		return x, nil
	}
	records, err := v.b.History(ctx, contract.SegSubject(p.Centre, p.Segnalazione), historyMost)
	if err != nil {
		return palinsesto.Variant{}, err
	}
	for _, r := range records {
		seg, err := bus.Decode(contract.Segnalazioni, r)
		if err != nil {
			return palinsesto.Variant{}, err
		}
		if x, ok := seg.State.Variant(p.Channel); ok && x.Hash == p.Hash {
			return x, nil
		}
	}
	return palinsesto.Variant{}, errNotApproved
}

func (v *variants) get(key string) (palinsesto.Variant, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	x, ok := v.by[key]
	return x, ok
}

func (v *variants) keep(s palinsesto.Segnalazione) {
	if s.Approval == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.by)+len(s.Approval.Variants) > keepVariants {
		clear(v.by)
	}
	for _, x := range s.Approval.Variants {
		if palinsesto.HashParts(x.Parts) == x.Hash {
			v.by[x.Channel+x.Hash] = x
		}
	}
}
