// Package setup makes a working drive of a configuration: it opens the rooms in order, hands them to the services, and
// closes them in reverse. It is the only room that names drivers; another engine is one more case here.
//
// It owns the data folder (its lock, the node's name and the secret that are kept there), the logger, and the life
// of a serving process: what is started, and in which order it is stopped. It has no rules of the drive.
package setup
