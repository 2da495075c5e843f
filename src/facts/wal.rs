//! The beginning of etcd's log on disk: which cluster a member is of that does not run.
//!
//! Records follow each other, each behind its length (etcd, `server/wal/encoder.go`); the second one
//! of every file holds the ids (`server/etcdserver/etcdserverpb`, `Metadata`).

/// How much of a file is needed at most.
pub(super) const BYTES: usize = 256;

/// `Record.type` of the record that holds the ids.
const METADATA: u64 = 1;

/// The cluster's id in the first `bytes` of a file.
pub(super) fn cluster_id(mut bytes: &[u8]) -> Option<u64> {
    loop {
        let (frame, rest) = bytes.split_first_chunk::<8>()?;
        let frame = u64::from_le_bytes(*frame);
        // The uppermost byte tells with how many bytes the record is filled up.
        let length = usize::try_from(frame & (u64::MAX >> 8)).ok()?;
        let padding = if frame >> 63 == 1 {
            (frame >> 56) & 7
        } else {
            0
        };
        let record = rest.get(..length)?;
        if let [(1, Field::Number(METADATA)), ..] = fields(record)?.as_slice() {
            let data = fields(record)?.into_iter().find_map(|field| match field {
                (3, Field::Bytes(data)) => Some(data),
                _ => None,
            })?;
            return fields(data)?.into_iter().find_map(|field| match field {
                (2, Field::Number(id)) => Some(id),
                _ => None,
            });
        }
        bytes = rest.get(length.checked_add(usize::try_from(padding).ok()?)?..)?;
    }
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message of protocol buffers, as far as these records have such.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let data = bytes.get(..length)?;
                bytes = &bytes[length..];
                Field::Bytes(data)
            }
            _ => return None,
        };
        found.push((key >> 3, field));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::cluster_id;

    /// As etcd 3.4.23 began a file: the checksum's record, then that of the ids.
    fn file() -> Vec<u8> {
        let record = |body: &[u8]| {
            let padding = (8 - body.len() % 8) % 8;
            let mut frame = body.len() as u64;
            if padding > 0 {
                frame |= (0x80 | padding as u64) << 56;
            }
            let mut bytes = frame.to_le_bytes().to_vec();
            bytes.extend(body);
            bytes.extend(vec![0; padding]);
            bytes
        };
        // NodeID 300, ClusterID 0x1234.
        let ids = [0x08, 0xac, 0x02, 0x10, 0xb4, 0x24];
        let mut metadata = vec![0x08, 1, 0x10, 0xff, 0x01, 0x1a, ids.len() as u8];
        metadata.extend(ids);
        [record(&[0x08, 4, 0x10, 0]), record(&metadata), vec![0; 40]].concat()
    }

    #[test]
    fn the_cluster_is_read() {
        assert_eq!(cluster_id(&file()), Some(0x1234));
    }

    #[test]
    fn whatever_else_it_may_be_is_none() {
        let file = file();
        for end in 0..30 {
            assert_eq!(cluster_id(&file[..end]), None, "{end}");
        }
        assert_eq!(cluster_id(&[0xff; 256]), None);
        assert_eq!(cluster_id(&[0; 256]), None);
        assert_eq!(
            cluster_id(b"not a log at all, but long enough for one"),
            None
        );
    }
}
