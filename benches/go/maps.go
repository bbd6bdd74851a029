package main

import (
	"strings"
	"sync"
	"sync/atomic"
)

// tally is what operations returned: how often the key was there, and the sum of the values.
type tally struct {
	hits, sum int64
}

func (t *tally) add(other tally) {
	t.hits += other.hits
	t.sum += other.sum
}

// counters is a map from keys to integers. Calls through it are for a whole batch; the loops are in the types.
type counters interface {
	// run does one operation for each key. The first value to be set is first, each other one more than the last.
	run(op string, keys keys, first int64) tally
	// content counts and adds up everything.
	content() content
}

// fill sets each key to its number plus one. Each is stored in memory of its own, which lookups never use.
func fill(m counters, all keys) {
	for i := range all.count() {
		key := strings.Clone(all.part(i, i+1).text)
		m.run("set", keys{key, all.len}, int64(i)+1)
	}
}

// syncMap is Go's sync.Map with a pointer to an atomic integer for each key.
type syncMap struct {
	m sync.Map
}

func (s *syncMap) get(key string) (int64, bool) {
	if value, ok := s.m.Load(key); ok {
		return value.(*atomic.Int64).Load(), true
	}
	return 0, false
}

// counter is the integer of a key, made if it is absent.
func (s *syncMap) counter(key string) *atomic.Int64 {
	value, ok := s.m.Load(key)
	if !ok {
		value, _ = s.m.LoadOrStore(key, new(atomic.Int64))
	}
	return value.(*atomic.Int64)
}

func (s *syncMap) del(key string) bool {
	_, ok := s.m.LoadAndDelete(key)
	return ok
}

func (s *syncMap) run(op string, keys keys, first int64) (t tally) {
	text, n := keys.text, keys.len
	switch op {
	case "get":
		for ; len(text) >= n; text = text[n:] {
			if value, ok := s.get(text[:n]); ok {
				t.hits++
				t.sum += value
			}
		}
	case "set", "insert":
		for ; len(text) >= n; text = text[n:] {
			s.counter(text[:n]).Store(first)
			first++
		}
	case "add":
		for ; len(text) >= n; text = text[n:] {
			t.sum += s.counter(text[:n]).Add(1)
		}
	case "del":
		for ; len(text) >= n; text = text[n:] {
			if s.del(text[:n]) {
				t.hits++
			}
		}
	}
	return t
}

func (s *syncMap) content() (c content) {
	s.m.Range(func(_, value any) bool {
		c.Count++
		c.Total += value.(*atomic.Int64).Load()
		return true
	})
	return c
}

// rwMutex is a plain map of pointers to atomic integers under a lock that readers share.
type rwMutex struct {
	mu sync.RWMutex
	m  map[string]*atomic.Int64
}

func (r *rwMutex) present(key string) (*atomic.Int64, bool) {
	r.mu.RLock()
	value, ok := r.m[key]
	r.mu.RUnlock()
	return value, ok
}

func (r *rwMutex) get(key string) (int64, bool) {
	if value, ok := r.present(key); ok {
		return value.Load(), true
	}
	return 0, false
}

func (r *rwMutex) counter(key string) *atomic.Int64 {
	if value, ok := r.present(key); ok {
		return value
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.m[key]
	if !ok {
		value = new(atomic.Int64)
		r.m[key] = value
	}
	return value
}

func (r *rwMutex) del(key string) bool {
	r.mu.Lock()
	_, ok := r.m[key]
	delete(r.m, key)
	r.mu.Unlock()
	return ok
}

func (r *rwMutex) run(op string, keys keys, first int64) (t tally) {
	text, n := keys.text, keys.len
	switch op {
	case "get":
		for ; len(text) >= n; text = text[n:] {
			if value, ok := r.get(text[:n]); ok {
				t.hits++
				t.sum += value
			}
		}
	case "set", "insert":
		for ; len(text) >= n; text = text[n:] {
			r.counter(text[:n]).Store(first)
			first++
		}
	case "add":
		for ; len(text) >= n; text = text[n:] {
			t.sum += r.counter(text[:n]).Add(1)
		}
	case "del":
		for ; len(text) >= n; text = text[n:] {
			if r.del(text[:n]) {
				t.hits++
			}
		}
	}
	return t
}

func (r *rwMutex) content() (c content) {
	for _, value := range r.m {
		c.Count++
		c.Total += value.Load()
	}
	return c
}
