package sqltext

import "crypto/sha256"

// A Cache parses each text once, however many steps of a plan ask for it, and again under the lock. The zero value is
// ready. It is not to be used by two goroutines at once.
type Cache struct{ texts map[[sha256.Size]byte]parsed }

type parsed struct {
	script Script
	err    error
}

// Parse gives what Parse of the package gives for the same bytes.
func (c *Cache) Parse(sql []byte) (Script, error) {
	key := sha256.Sum256(sql)
	p, known := c.texts[key]
	if !known {
		if c.texts == nil {
			c.texts = map[[sha256.Size]byte]parsed{}
		}
		p.script, p.err = Parse(sql)
		c.texts[key] = p
	}
	return p.script, p.err
}

// ParseOrWhole gives what ParseOrWhole of the package gives for the same bytes.
func (c *Cache) ParseOrWhole(sql []byte) (Script, bool, error) {
	script, err := c.Parse(sql)
	return orWhole(sql, script, err)
}

// Size counts the texts that were parsed.
func (c *Cache) Size() int { return len(c.texts) }
