// SPDX-License-Identifier: AGPL-3.0-or-later

package api

import (
	"context"
	"time"

	"github.com/palinsesto/palinsesto/services/internal/index"
	"github.com/palinsesto/palinsesto/services/palinsesto"
	"github.com/palinsesto/palinsesto/services/rules"
)

// SearchInput narrows a list by words and by days.
type SearchInput struct {
	Text string `query:"text" maxLength:"200" doc:"Words that must all be in it, in any order, also as parts of words, without regard to case and accents. One request looks at 5000 entries at most: a page may be short, even empty, and yet have a next"`
	From string `query:"from" maxLength:"40" doc:"The first day (2026-11-22, in the organisation's zone) or moment (RFC 3339)"`
	To   string `query:"to" maxLength:"40" doc:"The last day, included, or the moment (RFC 3339) before which the list ends"`
}

// scanMost is how many documents one search by words looks at: measured, a third of a second with texts
// of 1,000 characters on a busy machine (BenchmarkTextSearch).
const scanMost = 5000

// How many searches by words may run at the same moment, in all and of one access.
const searchesAtOnce, searchesOfOne = 4, 2

// the years that a day of a list may be of; a slip of the hand is told rather than found nothing for.
const firstYear, lastYear = 2000, 2199

// moments reads the range into f.
func (in SearchInput) moments(zone *time.Location, f *filter) error {
	from, err := dayOrMoment("from", in.From, zone, 0)
	if err != nil {
		return err
	}
	to, err := dayOrMoment("to", in.To, zone, 1)
	if err != nil {
		return err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return invalid("to", "La fine viene prima dell'inizio.", "The end comes before the beginning.")
	}
	f.from, f.to = scoreOf(from), scoreOf(to)
	return nil
}

func scoreOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// dayOrMoment reads one end of a range. Of a day the beginning counts, so many days later.
func dayOrMoment(field, word string, zone *time.Location, later int) (time.Time, error) {
	if word == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, word, zone)
	if err == nil {
		t = t.AddDate(0, 0, later)
	} else {
		t, err = time.Parse(time.RFC3339, word)
	}
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}, invalid(field, "Serve un giorno, come 2026-11-22, o un momento, come 2026-11-22T09:00:00+01:00.",
			"A day such as 2026-11-22 is needed, or a moment such as 2026-11-22T09:00:00+01:00.")
	}
	return t, nil
}

// words reads what is looked for; nil: nothing.
func (in SearchInput) words() (rules.Search, error) {
	if in.Text == "" {
		return nil, nil
	}
	s := rules.NewSearch(in.Text)
	if len(s) == 0 {
		return nil, invalid("text", "Scrivere almeno una lettera o una cifra da cercare.", "Give at least one letter or digit to look for.")
	}
	return s, nil
}

// narrowed adds words and days to a filter; texts gives what a document says to this actor.
func (s *Service) narrowed(f filter, in SearchInput, texts func(body []byte) ([]string, error)) (filter, error) {
	words, err := in.words()
	if err != nil {
		return f, err
	}
	if words != nil {
		f.matches = func(body []byte) (bool, error) {
			all, err := texts(body)
			return err == nil && words.In(all...), err
		}
	}
	return f, in.moments(s.cfg.Location(), &f)
}

// scan is list for a search by words: it reads documents in the order of the list until a page is full, the
// list ends or enough was looked at. What it gives as next is the last that it looked at, so that pages
// neither repeat nor leave out anything.
func (s *Service) scan(ctx context.Context, set string, f filter, in PageInput, take func(body []byte) error) (Page, error) {
	leave, ok := s.searches.take(actorOf(ctx).ID)
	if !ok {
		return Page{}, palinsesto.Refuse(palinsesto.CodeBusy,
			"Sono in corso troppe ricerche: riprovare fra poco.", "Too many searches are under way: try again in a moment.")
	}
	defer leave()
	q := f.query(set, in)
	q.Limit = pageMost
	taken := 0
	for looked, asked := 0, 0; looked < s.scanMost && asked < s.scanMost/pageMost+fills; asked++ {
		got, err := s.Index.List(ctx, q)
		if err != nil {
			return Page{}, err
		}
		for i, h := range got.Hits {
			looked++
			fits, err := f.matches(h.Body)
			if err != nil {
				return Page{}, err
			}
			if !fits {
				continue
			}
			if err := take(h.Body); err != nil {
				return Page{}, err
			}
			if taken++; taken == in.Limit {
				if i == len(got.Hits)-1 {
					return Page{Next: got.Next}, nil
				}
				return Page{Next: h.Cursor()}, nil
			}
		}
		if q.Cursor = got.Next; q.Cursor == "" {
			return Page{}, nil
		}
	}
	return Page{Next: q.Cursor}, nil
}

// query is the part of a filter that the index knows of.
func (f filter) query(set string, in PageInput) index.Query {
	return index.Query{Set: set, Facets: f.facets, Cursor: in.Cursor, Limit: in.Limit, Ascending: in.Order == "asc", From: f.from, To: f.to}
}
