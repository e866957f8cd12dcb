//! Numbers of files and rows. Each feed numbers its own files, so that one file more in a feed changes nothing that was made
//! of the files of another; of a feed's own files, those after a new one are numbered anew.

use super::feeds::Feed;
use crate::BuildError;

/// Rows of a file, at most.
pub(super) const ROWS_PER_FILE: u64 = 1 << 36;
/// Files of a feed, at most.
const FILES_PER_FEED: u64 = 1 << 17;
/// Feeds of a build, at most. All three together leave room for the sign of a BIGINT.
const FEEDS_MAX: usize = 1 << 10;

/// The number of a file: `place` among the files of the feed at `feed_idx`.
pub(super) fn file_no(feed_idx: usize, place: usize) -> u64 {
    feed_idx as u64 * FILES_PER_FEED + place as u64
}

/// The number of a row's file, and the row's place in it, from 1.
pub(super) fn split(row_no: u64) -> (u64, u64) {
    (row_no / ROWS_PER_FILE, row_no % ROWS_PER_FILE)
}

/// Errors: there are more feeds or files than there are numbers.
pub(super) fn check(feeds: &[Feed]) -> Result<(), BuildError> {
    let refuse = |what: String| Err(BuildError::Option { option: "shop", what });
    if feeds.len() > FEEDS_MAX {
        return refuse(format!("has {} feeds; {FEEDS_MAX} can be read", feeds.len()));
    }
    match feeds.iter().find(|feed| feed.files.len() as u64 > FILES_PER_FEED) {
        Some(feed) => refuse(format!("feed {} has {} files; {FILES_PER_FEED} can be read", feed.id, feed.files.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_fits_and_comes_back() {
        let last = file_no(FEEDS_MAX - 1, FILES_PER_FEED as usize - 1);
        let row_no = last * ROWS_PER_FILE + (ROWS_PER_FILE - 1);
        assert_eq!(row_no, i64::MAX as u64);
        assert_eq!(split(row_no), (last, ROWS_PER_FILE - 1));
        assert_eq!(split(file_no(1, 2) * ROWS_PER_FILE + 7), (FILES_PER_FEED + 2, 7));
    }
}
