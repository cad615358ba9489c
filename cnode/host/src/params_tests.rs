use super::*;

fn words(text: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut lexer = Lexer::new(Kind::Args, text);
    let mut all = Vec::new();
    while lexer.skip(b" \t\n") {
        let mut word = Vec::new();
        lexer.word(b" \t\n", &mut word)?;
        all.push(word);
    }
    Ok(all)
}

#[test]
fn what_is_appended_is_read_back_from_any_offset() {
    let mut params = Params::new();
    assert!(!params.exists(Kind::Args));
    assert_eq!(params.read(Kind::Args, 0, &mut [0; 4]).unwrap(), 0);
    params.append(Kind::Args, b"hello ").unwrap();
    params.append(Kind::Args, b"world\n").unwrap();
    let mut out = [0; 7];
    assert_eq!(params.read(Kind::Args, 3, &mut out).unwrap(), 7);
    assert_eq!(&out, b"lo worl");
    assert_eq!(params.read(Kind::Args, 12, &mut out).unwrap(), 0);
    assert_eq!(params.read(Kind::Args, u64::MAX, &mut out).unwrap(), 0);
    assert_eq!(&params.map(Kind::Args).unwrap().unwrap()[..], b"hello world\n");
    params.truncate(Kind::Args).unwrap();
    assert_eq!((params.len(Kind::Args), params.exists(Kind::Args)), (0, true));
    assert!(params.map(Kind::Args).unwrap().is_none());
    assert!(!params.exists(Kind::Env));
}

#[test]
fn what_grows_long_is_the_same_bytes() {
    let mut params = Params::new();
    let want: Vec<u8> = (0..2000_u32).map(|n| (n / 3) as u8).collect();
    for (at, piece) in want.chunks(70).enumerate() {
        params.append(Kind::Setup, piece).unwrap();
        let len = want.len().min((at + 1) * 70);
        let mut out = vec![0; len];
        assert_eq!(params.read(Kind::Setup, 1, &mut out).unwrap(), len - 1);
        assert!(
            out[..len - 1] == want[1..len] && params.map(Kind::Setup).unwrap().unwrap()[..] == want[..len]
        );
    }
    params.truncate(Kind::Setup).unwrap();
    params.append(Kind::Setup, b"short").unwrap();
    assert_eq!(&params.map(Kind::Setup).unwrap().unwrap()[..], b"short");
}

#[test]
fn a_full_parameter_refuses_the_whole_write() {
    let mut params = Params::new();
    params.append(Kind::Env, &vec![b'x'; PARAM_MAX - 1]).unwrap();
    assert!(matches!(params.append(Kind::Env, b"yz"), Err(AppendError::Full)));
    assert_eq!(params.len(Kind::Env), PARAM_MAX - 1);
    params.append(Kind::Env, b"y").unwrap();
    params.append(Kind::Args, b"another file has its own bound").unwrap();
}

#[test]
fn words_are_quoted_as_rc_does() {
    let got = words(b"sh -c\n 'it''s  $m' '' a'b c'd '\n' \xff").unwrap();
    let want: [&[u8]; 7] = [b"sh", b"-c", b"it's  $m", b"", b"ab cd", b"\n", b"\xff"];
    assert_eq!(got, want);
    assert_eq!(words(b" \n").unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_refused_line_is_named_where_its_word_began() {
    let e = words(b"a 'b\nc'\nd 'e\n\n").unwrap_err();
    assert_eq!(e.to_string(), "args: line 3: a quote is not closed");
    let e = words(b"a\n\0").unwrap_err();
    assert_eq!(e.to_string(), "args: line 2: holds a NUL byte");
}
