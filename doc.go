// Package fairlead is the root of the Fairlead project; it holds the tests of
// the house (floors.txt, documentation, README) and no code.
package fairlead
