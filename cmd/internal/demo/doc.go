// Command demo plays through what the drive is for, with the Go client against a throw-away server process on a real file: an
// upload in parallel chunks, kill -9 in the middle, a restart, the upload going on; a second user who has the same file
// at once; somebody who only knows its digest and gets nothing; downloads compared byte by byte, before and after the
// blob has moved to the object store. It prints each step and ends with an error if anything is not as it should be.
package main
